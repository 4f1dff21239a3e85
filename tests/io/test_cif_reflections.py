"""Reflections of CIFs: what SHELXL and others list, embedded .hkl texts, damaged files."""

import numpy as np
import pytest
from reflection_texts import CARDS, CELL, INS, fixed, reflections

from argand.errors import InputError
from argand.io.reflections import read_reflections

HKL, VALUE, SIGMA = reflections()
F, SF = np.sqrt(np.abs(VALUE)), 0.05 * np.ones(len(VALUE))
CRYSTAL = "".join(
    f"_cell_{name} {value}\n"
    for name, value in zip(
        ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma"), CELL, strict=True
    )
)
CRYSTAL += "_space_group_name_H-M_alt 'P 21/c'\n_chemical_formula_sum 'C14 H14 O2'\n_cell_formula_units_Z 2\n"
HEADS = {
    "LIST 3": ("_refln_", ("F_meas", "F_sigma", "A_calc", "B_calc")),
    "LIST 4": ("_refln_", ("F_squared_calc", "F_squared_meas", "F_squared_sigma", "observed_status")),
    "LIST 6": ("_refln_", ("F_squared_meas", "F_squared_sigma", "F_calc", "phase_calc")),
    "LIST 8": ("_refln_", ("F_squared_meas", "F_squared_calc", "F_squared_sigma", "wavelength")),
    "diffrn": ("_diffrn_refln_", ("intensity_net", "intensity_u")),
    "mmCIF": ("_refln.", ("F_meas_au", "F_meas_sigma_au")),
}


def loop(kind: str, count: int = len(HKL)) -> str:
    prefix, columns = HEADS[kind]
    names = "".join(f"{prefix}{name}\n" for name in ("index_h", "index_k", "index_l", *columns))
    lines = []
    for (h, k, el), i, s, f, sf in list(zip(HKL.tolist(), VALUE, SIGMA, F, SF, strict=True))[:count]:
        values = {"F_meas": f, "F_meas_au": f, "F_sigma": sf, "F_meas_sigma_au": sf, "F_squared_meas": i}
        values |= {"F_squared_sigma": s, "intensity_net": i, "intensity_u": s, "observed_status": "o"}
        lines.append(f"{h} {k} {el} " + " ".join(str(values.get(name, 7.0)) for name in columns) + "\n")
    return f"loop_\n{names}{''.join(lines)}"


@pytest.mark.parametrize("kind", HEADS)
def test_loops_of_all_kinds(tmp_path, kind):
    (tmp_path / "a.fcf").write_text(f"#\n# h,k,l\n#\ndata_a\n{CRYSTAL}{loop(kind)}")
    found = read_reflections(tmp_path / "a.fcf")
    is_amplitude = HEADS[kind][1][0].startswith("F_meas")
    assert found.hkl.tolist() == HKL.tolist()
    np.testing.assert_allclose(found.intensity, np.abs(VALUE) if is_amplitude else VALUE)
    np.testing.assert_allclose(found.sigma, 2 * F * SF if is_amplitude else SIGMA)
    assert (found.cell, found.formula, found.units) == (CELL, "C14 H14 O2", 2)
    assert not found.notes


def test_amplitudes_without_sigmas_are_taken_with_a_note(tmp_path):
    text = loop("LIST 3").replace("_refln_F_sigma", "_refln_F_calc")
    (tmp_path / "a.fcf").write_text(f"data_a\n{CRYSTAL}{text}")
    found = read_reflections(tmp_path / "a.fcf")
    np.testing.assert_allclose(found.intensity, np.abs(VALUE))
    assert "no sigmas" in found.notes[0]


def test_an_embedded_hkl_obeys_the_card_of_the_embedded_res(tmp_path):
    card = "HKLF 4 1 0 0 1 0 -1 0 1 0 0"
    res = f"_shelx_res_file\n;\n{INS}{card}\n;\n"
    (tmp_path / "a.cif").write_text(
        f"data_a\n{CRYSTAL}{res}_shelx_hkl_file\n;\n{fixed(HKL, VALUE, SIGMA)};\n"
    )
    found = read_reflections(tmp_path / "a.cif")
    assert found.hkl[:, 0].tolist() == HKL[:, 2].tolist()
    assert found.hklf == card


def test_a_placeholder_for_the_embedded_hkl_is_passed_over(tmp_path):
    (tmp_path / "a.cif").write_text(f"data_a\n{CRYSTAL}_shelx_hkl_file ?\n{loop('LIST 4')}")
    assert len(read_reflections(tmp_path / "a.cif").hkl) == len(HKL)


@pytest.mark.parametrize(
    ("tail", "count"),
    [
        ("3 0", 60),
        ("3 0 'abc\n", 60),
        ("_publ_text\n;\nno end of it\n", 60),
        ("_foo bar baz\n_cell_volume 1\n", 60),
        ("_foo\n", 60),
        ("\x00\x01\n", 60),
        ("loop_\n_a\n_b\n1 2\n3\n_c 1\n", 60),
        ("_cell_length_a 9.7\n", 60),
        ("data_a\n_x 1\n", 60),
    ],
)
def test_whole_reflections_before_a_damage_are_read_and_the_damage_told(tmp_path, tail, count):
    (tmp_path / "a.cif").write_text(f"data_a\n{CRYSTAL}{loop('LIST 4')}{tail}")
    found = read_reflections(tmp_path / "a.cif")
    assert found.hkl.tolist() == HKL[:count].tolist()
    assert found.cell == CELL
    assert "damaged CIF (line" in found.notes[0] or "damaged CIF (string: duplicate" in found.notes[0]


def test_an_embedded_hkl_that_was_cut_off_is_read_up_to_there(tmp_path):
    text = "\n".join(fixed(HKL, VALUE, SIGMA).splitlines()[:40])
    (tmp_path / "a.cif").write_text(f"data_a\n{CRYSTAL}_shelx_hkl_file\n;\n{text}\n")
    found = read_reflections(tmp_path / "a.cif")
    assert found.hkl.tolist() == HKL[:40].tolist()
    assert "damaged" in found.notes[0]
    assert "complete" in found.notes[1]


def test_of_several_blocks_the_first_with_reflections_is_taken_and_others_fill_in(tmp_path):
    blocks = f"data_one\n{loop('LIST 4')}data_two\n{loop('LIST 4', 20)}"
    (tmp_path / "a.cif").write_text(f"data_model\n{CRYSTAL}{blocks}")
    found = read_reflections(tmp_path / "a.cif")
    assert len(found.hkl) == len(HKL)
    assert found.cell == CELL
    assert "those of 'one'" in found.notes[0]


def test_latin_1_letters_and_other_line_ends(tmp_path):
    text = f"data_a\n_publ_author 'M\xfcller'\n{CRYSTAL}{loop('LIST 4')}".replace("\n", "\r\n")
    (tmp_path / "A.CIF").write_bytes(text.encode("latin-1"))
    assert read_reflections(tmp_path / "A.CIF").hkl.tolist() == HKL.tolist()


@pytest.mark.parametrize("text", [f"data_a\n{CRYSTAL}", "data_\n", "data_a\nloop_\n", "{}"])
def test_files_without_reflections_are_told_in_one_line(tmp_path, text):
    (tmp_path / "a.cif").write_text(text)
    with pytest.raises(InputError) as caught:
        read_reflections(tmp_path / "a.cif")
    assert "\n" not in str(caught.value)


def test_a_formula_that_is_not_understood_is_left_out(tmp_path):
    text = CRYSTAL.replace("C14 H14 O2", "C14 H14 O2, 0.5(H2O)")
    (tmp_path / "a.fcf").write_text(f"data_a\n{text}{loop('LIST 4')}")
    found = read_reflections(tmp_path / "a.fcf")
    assert found.formula is None
    assert "--formula" in found.notes[0]


def test_old_journals_details_are_read(tmp_path):
    text = f"data_a\n_iucr_refine_instructions_details\n;\n{CARDS}HKLF 4 2\n;\n"
    text += f"_iucr_refine_reflections_details\n;\n{fixed(HKL, VALUE, SIGMA)};\n"
    (tmp_path / "a.cif").write_text(text)
    np.testing.assert_allclose(read_reflections(tmp_path / "a.cif").intensity, 2 * VALUE)
