"""Tables of reflections with names, remarks and other separators."""

import numpy as np
import pytest
from reflection_texts import reflections

from argand.errors import InputError
from argand.io.free_columns import parse_free
from argand.io.reflections import read_reflections

HKL, VALUE, SIGMA = reflections()


def table(layout: str) -> str:
    rows = zip(HKL.tolist(), VALUE.tolist(), SIGMA.tolist(), strict=True)
    return "".join(layout.format(h=h, k=k, l=el, i=i, s=s) + "\n" for (h, k, el), i, s in rows)


@pytest.mark.parametrize(
    "text",
    [
        "h,k,l,I,sigma\n" + table("{h},{k},{l},{i},{s}"),
        table("{h}, {k}, {l}, {i}, {s}"),
        "# made by hand\n! and again\n; and again\n" + table("{h} {k} {l} {i} {s}"),
        "h k l I sig(I)\n" + table("{h} {k} {l} {i} {s}"),
        "# h k l Fo^2 sig(Fo^2)\n" + table("{h} {k} {l} {i} {s} # remark"),
        ";;h;k;l;I;sigma\n".removeprefix(";;") + table("{h};{k};{l};{i};{s}").replace(".", ","),
        "n,index_h,index_k,index_l,F_calc,F_squared_meas,sigma_F2\n" + table("1,{h},{k},{l},0,{i},{s}"),
        "sigI I l k h\n" + table("{s} {i} {l} {k} {h}"),
        '"h","k","l","Iobs","esd"\n' + table("{h}.0,{k}.0,{l}.0,{i},{s}"),
        "h k l I sigma batch\n\n" + table("{h} {k} {l} {i} {s} 1") + "0 0 0 0 0 0\n",
    ],
)
def test_names_remarks_and_separators(tmp_path, text):
    (tmp_path / "a.hkl").write_text(text)
    found = read_reflections(tmp_path / "a.hkl")
    assert found.hkl.tolist() == HKL.tolist()
    np.testing.assert_allclose(found.intensity, VALUE)
    np.testing.assert_allclose(found.sigma, SIGMA)


@pytest.mark.parametrize("name", ["F", "Fobs", "|Fo|"])
def test_a_name_says_that_values_are_amplitudes(name):
    found = parse_free(f"h k l {name} sigF\n2 0 0 10 0.5\n", "a")
    assert (found.intensity.tolist(), found.sigma.tolist()) == ([100.0], [10.0])


def test_without_sigmas_all_weigh_alike_and_that_is_told():
    found = parse_free("h k l I\n1 0 0 10\n2 0 0 30\n", "a")
    assert found.sigma.tolist() == pytest.approx([0.4, 0.4])
    assert "no sigmas" in found.notes[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("h,k,l,I,sigma\n1,0,0,5,1\n1,0,x,5,1\n", "line 3 is not a reflection"),
        ("h,k,l,I,sigma\n1,0,0\n", "line 2 is not a reflection"),
        ("h,k,l,I,sigma\n1,0.5,0,5,1\n", "line 2 has indices that are not whole numbers"),
        ("h,k,l,I,sigma\n", "only 0"),
    ],
)
def test_unusable_tables_are_told_in_one_line(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_reflections(tmp_path / "a.csv")
    assert "\n" not in str(caught.value)


def test_values_that_are_missing_are_left_out(tmp_path):
    (tmp_path / "a.csv").write_text(
        "h,k,l,I,sigma\n" + table("{h},{k},{l},{i},{s}") + "9,9,9,,1\n9,9,8,NaN,1\n"
    )
    found = read_reflections(tmp_path / "a.csv")
    assert found.hkl.tolist() == HKL.tolist()
    assert "2 reflections without a number" in found.notes[0]
