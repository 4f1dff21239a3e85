"""SHELX's .hkl dialects: HKLF codes and cards, batch numbers, fixed columns and free ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reflection_texts import CELL, INS, fixed, reflections

from argand.errors import InputError
from argand.io.hklf import parse_hklf
from argand.io.hklf_card import HklfCard, parse_hklf_card
from argand.io.intensities import Rows
from argand.io.reflections import read_reflections

HKL, VALUE, SIGMA = reflections()


def read(tmp_path, card: str, text: str):
    (tmp_path / "a.hkl").write_text(text)
    (tmp_path / "a.ins").write_text(INS + card + "\n")
    return read_reflections(tmp_path / "a.hkl")


def test_hklf_3_holds_amplitudes(tmp_path):
    amplitude, sigma = np.rint(np.abs(VALUE)) + 1, np.rint(SIGMA) + 0.25
    found = read(tmp_path, "HKLF 3", fixed(HKL, amplitude, sigma))
    np.testing.assert_allclose(found.intensity, amplitude**2)
    np.testing.assert_allclose(found.sigma, 2 * amplitude * sigma)
    assert found.hklf == "HKLF 3"


def test_the_matrix_transforms_the_indices_and_the_scale_the_intensities(tmp_path):
    """HKLF 4 s r11 ... r33 wt: h' = r h, F² and sigma times s, 1/σ² times wt."""
    card = "HKLF 4 0.5 0 0 1 0 -1 0 1 0 0 4"
    found = read(tmp_path, card, fixed(HKL, VALUE, SIGMA))
    assert found.hkl.tolist() == [[el, -k, h] for h, k, el in HKL.tolist()]
    np.testing.assert_allclose(found.intensity, 0.5 * VALUE)
    np.testing.assert_allclose(found.sigma, 0.25 * SIGMA)
    assert found.hklf == card


def test_a_card_may_run_over_two_lines_and_have_fewer_numbers(tmp_path):
    found = read(tmp_path, "HKLF 4 1 0 0 1 =\n 0 -1 0 1 0 0", fixed(HKL, VALUE, SIGMA))
    assert found.hkl[:, 0].tolist() == HKL[:, 2].tolist()
    assert parse_hklf_card("HKLF 4 2", "a") == HklfCard(4, 2.0)
    assert parse_hklf_card("HKLF", "a") == HklfCard()
    assert parse_hklf_card("HKLF -3", "a").code == 3


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ("HKLF 1", "condensed"),
        ("HKLF 8", "no code"),
        ("HKLF four", "is not an HKLF card"),
        ("HKLF 4 1 0.5 0 0 0 0.5 0 0 0 0.5", "fractional indices"),
        ("HKLF 4 1 0 1 0 1 0 0 0 0 1", "determinant"),
        ("HKLF 4 0", "above 0"),
    ],
)
def test_cards_that_cannot_be_obeyed_are_refused_in_one_line(tmp_path, card, message):
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, card, fixed(HKL, VALUE, SIGMA))
    assert "\n" not in str(caught.value)


@given(st.permutations([0, 1, 2]), st.lists(st.sampled_from([-1, 1]), min_size=3, max_size=3))
def test_a_matrix_and_its_inverse_leave_indices_as_they_were(order, signs):
    matrix = np.eye(3)[order] * np.array(signs)
    if np.linalg.det(matrix) < 0:
        matrix = -matrix
    there, back = (
        parse_hklf_card(f"HKLF 4 1 {' '.join(map(str, m.ravel()))}", "a") for m in (matrix, matrix.T)
    )
    again = back.applied(there.applied(Rows(HKL, VALUE, SIGMA), "a"), "a")
    assert np.array_equal(again.hkl, HKL)


def test_thirds_of_two_digits_still_make_whole_indices():
    """Obverse rhombohedral indices to primitive ones, elements written as 0.667 and 0.333."""
    hkl = np.array([[1, 0, 1], [2, 0, 2], [3, 0, 0], [0, 0, 3], [10, 1, 0]])
    hkl = hkl[(-hkl[:, 0] + hkl[:, 1] + hkl[:, 2]) % 3 == 0]
    card = parse_hklf_card("HKLF 4 1 0.667 0.333 0.333 -0.333 0.333 0.333 -0.333 -0.667 0.333", "a")
    exact = np.array([[2, 1, 1], [-1, 1, 1], [-1, -2, 1]]) / 3
    found = card.applied(Rows(hkl, np.ones(len(hkl)), np.ones(len(hkl))), "a")
    assert np.allclose(found.hkl, hkl @ exact.T)


@pytest.mark.parametrize("card", ["HKLF 5", ""])
def test_of_overlapping_twins_the_first_components_own_reflections_are_kept(tmp_path, card):
    """30 reflections alone, 10 groups of two components, 10 of the second alone."""
    hkl = np.concatenate([HKL[:30], np.repeat(HKL[30:40], 2, axis=0), HKL[40:50]])
    hkl[31:50:2] = HKL[50:60]
    intensity = np.concatenate([VALUE[:30], np.repeat(VALUE[30:40], 2), VALUE[40:50]])
    batch = [1] * 30 + [-2, 1] * 10 + [2] * 10
    hkl[30:50:2], hkl[31:50:2] = hkl[31:50:2].copy(), hkl[30:50:2].copy()
    text = fixed(hkl, intensity, np.ones(60), batch)
    if card:
        found = read(tmp_path, card, text)
    else:
        (tmp_path / "a.hkl").write_text(text)
        found = read_reflections(tmp_path / "a.hkl")
    assert found.hkl.tolist() == HKL[:30].tolist()
    np.testing.assert_allclose(found.intensity, VALUE[:30])
    assert (
        "30 reflections of component 1 alone kept, 10 overlapped ones left out, 10 of other" in found.notes[0]
    )


def test_where_nearly_all_overlap_the_intensities_are_shared_out():
    hkl = np.repeat(HKL[:20], 2, axis=0)
    hkl[::2, 2] += 1
    found = parse_hklf(fixed(hkl, np.repeat(VALUE[:20], 2), np.ones(40), [-2, 1] * 20), "a")
    assert found.hkl.tolist() == HKL[:20].tolist()
    np.testing.assert_allclose(found.intensity, VALUE[:20] / 2)
    np.testing.assert_allclose(found.sigma, np.hypot(0.5, VALUE[:20] / 4))
    assert "20 overlapped ones divided equally" in found.notes[0]


def test_friedel_mates_of_a_racemic_twin_do_not_overlap():
    hkl = np.repeat(HKL[:20], 2, axis=0) * np.tile([[-1], [1]], (20, 1))
    found = parse_hklf(fixed(hkl, np.repeat(VALUE[:20], 2), np.ones(40), [-2, 1] * 20), "a")
    np.testing.assert_allclose(found.intensity, VALUE[:20])


def test_data_of_a_second_component_alone_are_refused():
    with pytest.raises(InputError, match="without component 1"):
        parse_hklf(fixed(HKL, VALUE, SIGMA, [2] * len(HKL)), "a", HklfCard(5))


def test_batches_are_on_one_scale_and_flags_for_r_free_are_no_twin():
    batch = [1 + n % 3 for n in range(len(HKL))]
    found = parse_hklf(fixed(HKL, VALUE, SIGMA, batch), "a")
    assert found.hkl.tolist() == HKL.tolist()
    assert "batches 1 to 3" in found.notes[0]
    flagged = parse_hklf(fixed(HKL, VALUE, SIGMA, [-1 if n % 9 == 0 else 1 for n in range(len(HKL))]), "a")
    assert (len(flagged.hkl), flagged.notes) == (len(HKL), ())


def test_main_reflections_of_hklf_6_are_kept(tmp_path):
    lines = [
        f"{h:4d}{k:4d}{el:4d}{n % 2:4d}   0   0{10 + n:8.2f}    1.00   1" for n, (h, k, el) in enumerate(HKL)
    ]
    found = read(tmp_path, "HKLF 6", "\n".join([*lines, ""]))
    assert found.hkl.tolist() == HKL[::2].tolist()
    assert found.intensity[1] == 12
    assert any("30 satellite" in note for note in found.notes)


def test_columns_that_touch_are_told_apart_by_their_places():
    hkl = np.array([[-10, -11, -12], [100, -20, -30], [1, 2, 3], [1000, 0, 1]])
    text = fixed(hkl, [99999.99, 12345.67, -1234.56, 5.0], [10000.25, 1, 1, 1], [1, 1, 1, 1])
    found = parse_hklf(text, "a")
    assert found.hkl.tolist() == hkl.tolist()
    assert found.intensity.tolist() == [99999.99, 12345.67, -1234.56, 5.0]
    assert found.sigma[0] == 10000.25


@pytest.mark.parametrize(
    "layout", ["{:5d}{:5d}{:5d}{:12.3f}{:10.3f}", "{} {} {} {:.3f} {:.3f}", "{:3d}{:4d}{:4d} {:9.2f} {:7.2f}"]
)
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_columns_parted_by_blanks(tmp_path, layout, ends):
    lines = [layout.format(*h, i, s) for h, i, s in zip(HKL.tolist(), VALUE, SIGMA, strict=True)]
    (tmp_path / "A.HKL").write_bytes(ends.join([*lines, ""]).encode())
    found = read_reflections(tmp_path / "A.HKL")
    assert found.hkl.tolist() == HKL.tolist()
    np.testing.assert_allclose(found.intensity, VALUE, atol=0.006)
    np.testing.assert_allclose(found.sigma, SIGMA, atol=0.006)


@given(
    st.lists(st.tuples(*[st.integers(-99, 99)] * 3, st.floats(-999, 99999), st.floats(0, 9999)), min_size=1)
)
def test_fixed_columns_come_back(rows):
    rows = [row for row in rows if any(row[:3])]
    hkl = np.array([row[:3] for row in rows], int).reshape(-1, 3)
    found = parse_hklf(fixed(hkl, [row[3] for row in rows], [row[4] for row in rows]), "a")
    assert found.hkl.tolist() == hkl.tolist()
    np.testing.assert_allclose(found.intensity, [row[3] for row in rows], atol=0.00501)
    assert not found.notes


def test_asterisks_of_fortran_are_left_out_and_told(tmp_path):
    lines = fixed(HKL, VALUE, SIGMA).splitlines()
    lines[3] = lines[3][:12] + "*" * 8 + lines[3][20:]
    (tmp_path / "a.hkl").write_text("\n".join(lines) + "\n")
    found = read_reflections(tmp_path / "a.hkl")
    assert found.hkl.tolist() == np.delete(HKL, 3, axis=0).tolist()
    assert any("too strong for their columns" in note for note in found.notes)


def test_text_that_users_have(tmp_path):
    """A byte order mark, a blank first line, tabs, minus zero, no last line."""
    lines = [
        f"{h}\t{k}\t{el}\t{i:.2f}\t{s:.2f}"
        for (h, k, el), i, s in zip(HKL.tolist(), VALUE, SIGMA, strict=True)
    ]
    lines[0] = lines[0].replace("0\t", "-0\t", 1)
    (tmp_path / "a.hkl").write_bytes(b"\xef\xbb\xbf\n" + "\n".join(lines).encode())
    found = read_reflections(tmp_path / "a.hkl")
    assert found.hkl.tolist() == HKL.tolist()
    assert "whole" in found.notes[0]
    (tmp_path / "b.hkl").write_bytes("\n".join(lines).encode("utf-16"))
    assert read_reflections(tmp_path / "b.hkl").hkl.tolist() == HKL.tolist()


def test_reflections_after_the_end_are_told():
    found = parse_hklf(fixed(HKL, VALUE, SIGMA) + fixed(HKL, VALUE, SIGMA), "a")
    assert len(found.hkl) == len(HKL)
    assert (
        f"{len(HKL)} lines after it" in found.notes[0] or f"{len(HKL) + 1} lines after it" in found.notes[0]
    )


@pytest.mark.parametrize("kind", ["instructions", "field", "cif"])
def test_what_programs_append_to_the_reflections_is_read(tmp_path, kind):
    tail = INS + "HKLF 4 1 0 0 1 0 -1 0 1 0 0\nEND\n"
    if kind == "field":
        tail = f"\n_shelx_res_file\n;\n{tail};\n"
    if kind == "cif":
        names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
        tail = "".join(f"_cell_{name} {value}\n" for name, value in zip(names, CELL, strict=True))
    (tmp_path / "a.hkl").write_text(fixed(HKL, VALUE, SIGMA) + tail)
    found = read_reflections(tmp_path / "a.hkl")
    assert found.cell == CELL
    assert "cell" in found.notes[-1]
    if kind != "cif":
        assert found.hkl[:, 0].tolist() == HKL[:, 2].tolist()
        assert found.formula == "C28 H28 O4"


def test_instructions_stand_for_the_reflections_beside_them(tmp_path):
    assert read(tmp_path, "HKLF 4", fixed(HKL, VALUE, SIGMA)).hkl.tolist() == HKL.tolist()
    assert read_reflections(tmp_path / "a.ins").hkl.tolist() == HKL.tolist()
    (tmp_path / "b.ins").write_text(INS)
    with pytest.raises(InputError, match="no reflections"):
        read_reflections(tmp_path / "b.ins")


def test_a_number_too_large_for_an_index_is_told(tmp_path):
    (tmp_path / "a.hkl").write_text(f"{10**20} 0 1 5.0 1.0\n" * 9)
    with pytest.raises(InputError, match="no index"):
        read_reflections(tmp_path / "a.hkl")
