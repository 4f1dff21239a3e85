import gzip

import gemmi
import numpy as np
import pytest

from argand.errors import InputError
from argand.io.core_cif import write_cif
from argand.io.reflections import parse_cell, read_reflections
from argand.io.shelx import read_instructions, shelx_symmetry
from argand.io.solution import write_ccp4, write_xyz
from argand.physics.crystal.atom import Atoms
from argand.physics.crystal.symmetry import Group

CELL = (7.6, 8.9, 9.1, 90.0, 104.0, 90.0)
HKL = [(h, k, el) for h in range(1, 4) for k in range(3) for el in range(-2, 3)]
INS = (
    "TITL x\nCELL 0.71073 7.6 8.9 9.1 90 104 90\n"
    "ZERR 4 0 0 0 0 0 0\nLATT 1\nSYMM -X, 0.5+Y, 0.5-Z\nSFAC C H\nUNIT 28 28\nHKLF 4\n"
)


def hklf4() -> str:
    lines = [f"{h:4d}{k:4d}{el:4d}{10 * i + 1:8.2f}{1:8.2f}" for i, (h, k, el) in enumerate(HKL)]
    return "\n".join([*lines, f"{0:4d}{0:4d}{0:4d}{0:8.2f}{0:8.2f}", ""])


def test_hklf4_with_its_ins(tmp_path):
    (tmp_path / "a.hkl").write_text(hklf4())
    (tmp_path / "a.ins").write_text(INS)
    found = read_reflections(tmp_path / "a.hkl")
    assert found.hkl.tolist() == [list(h) for h in HKL]
    assert found.intensity[2] == 21
    assert found.cell == CELL
    assert found.group is not None
    assert found.group.name == "P 1 21/c 1"
    assert found.formula == "C28 H28"
    assert not found.notes


def test_gzip_is_seen_through_and_a_missing_end_noted(tmp_path):
    path = tmp_path / "a.hkl.gz"
    path.write_bytes(gzip.compress("\n".join(hklf4().splitlines()[:20]).encode()))
    found = read_reflections(path)
    assert len(found.hkl) == 20
    assert "whole" in found.notes[0]


@pytest.mark.parametrize("kind", ["embedded", "loop"])
def test_cif_with_reflections(tmp_path, kind):
    text = (
        "data_x\n_cell_length_a 7.6\n_cell_length_b 8.9\n_cell_length_c 9.1\n_cell_angle_alpha 90\n"
        "_cell_angle_beta 104\n_cell_angle_gamma 90\n_space_group_name_H-M_alt 'P 21/c'\n"
        "_chemical_formula_sum 'C7 H7 O'\n"
    )
    if kind == "embedded":
        text += f"_shelx_hkl_file\n;\n{hklf4()};\n"
    else:
        columns = ["index_h", "index_k", "index_l", "F_squared_meas", "F_squared_sigma"]
        text += "loop_\n" + "".join(f"_refln_{name}\n" for name in columns)
        text += "".join(f"{h} {k} {el} {10 * i + 1} 1\n" for i, (h, k, el) in enumerate(HKL))
    (tmp_path / "a.cif").write_text(text)
    found = read_reflections(tmp_path / "a.cif")
    assert found.hkl.tolist() == [list(h) for h in HKL]
    assert found.intensity[2] == 21
    assert found.cell == CELL
    assert (found.spacegroup, found.formula) == ("P 21/c", "C7 H7 O")


@pytest.mark.parametrize("name", ["a.mtz", "a.mtz.gz"])
def test_mtz(tmp_path, name):
    mtz = gemmi.Mtz(with_base=True)
    mtz.spacegroup = gemmi.find_spacegroup_by_name("P 21/c")
    mtz.set_cell_for_all(gemmi.UnitCell(*CELL))
    mtz.add_dataset("x")
    mtz.add_column("IMEAN", "J")
    mtz.add_column("SIGIMEAN", "Q")
    mtz.set_data(np.array([[*h, 10 * i + 1, 1] for i, h in enumerate(HKL)], np.float32))
    mtz.write_to_file(str(tmp_path / "a.mtz"))
    (tmp_path / "a.mtz.gz").write_bytes(gzip.compress((tmp_path / "a.mtz").read_bytes()))
    found = read_reflections(tmp_path / name)
    assert found.intensity[2] == 21
    assert found.cell == pytest.approx(CELL)
    assert found.spacegroup == "P 1 21/c 1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "only 0"),
        ("   1   0   0    0.00    1.00\n" * 20, "above zero"),
        ("   1   0   0   -5.00    1.00\n" * 20 + "   1   1   0    5.00    1.00\n", "negative"),
        ("   1   0   0    5.00    1.00\n   1   0", "cut short"),
        ("Not a reflection file\n", "not a reflection"),
    ],
)
def test_unusable_files_are_told_in_one_line(tmp_path, text, message):
    (tmp_path / "a.hkl").write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_reflections(tmp_path / "a.hkl")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("wavelength", "radiation"), [("0.71073", "xray"), ("0.0251", "electron")])
def test_the_wavelength_tells_electrons_from_x_rays(tmp_path, wavelength, radiation):
    (tmp_path / "a.hkl").write_text(hklf4())
    (tmp_path / "a.ins").write_text(INS.replace("0.71073", wavelength))
    assert read_reflections(tmp_path / "a.hkl").radiation == radiation


def test_one_far_negative_value_for_many_reflections_is_a_mark_and_no_measurement(tmp_path):
    marked = "".join(f"{h:4d}   0   1  -90.00   30.00\n" for h in range(1, 13))
    (tmp_path / "a.hkl").write_text(marked + hklf4())
    found = read_reflections(tmp_path / "a.hkl")
    assert found.intensity.min() > 0
    assert "12 reflections of one value" in found.notes[-1]


def test_a_cut_gzip_and_a_missing_file_are_told(tmp_path):
    (tmp_path / "a.hkl.gz").write_bytes(gzip.compress(hklf4().encode())[:60])
    for name, told in {"a.hkl.gz": "truncated", "b.hkl": "no such file"}.items():
        with pytest.raises(InputError, match=told):
            read_reflections(tmp_path / name)


def test_cells():
    assert parse_cell("7.6,8.9,9.1,90,104,90") == CELL
    for wrong in ("7.6,8.9,9.1", "a,b,c,d,e,f", "7,8,9,0,90,90", "7,8,9000,90,90,90", "nan,8,9,90,90,90"):
        with pytest.raises(InputError):
            parse_cell(wrong)


@pytest.mark.parametrize("name", ["P -1", "P 21/c", "C 2/c", "F d d 2", "R -3 c:H", "F m -3 m", "P 21 21 21"])
def test_symmetry_cards_come_back(name):
    group = Group.from_name(name)
    latt, symm = shelx_symmetry(group)
    again = read_instructions(f"LATT {latt}\n" + "".join(f"SYMM {card}\n" for card in symm)).group
    assert again is not None
    assert again.name == group.name


def test_structures_are_read_back_by_gemmi(tmp_path):
    group = Group.from_name("P 21/c")
    frac = np.array([[0.1, 0.2, 0.3], [0.5, 0.0, 0.5]])
    atoms = Atoms(("C", "Zn"), frac, np.array([0.03, 0.02]), np.array([1.0, 0.5]))
    write_cif(tmp_path / "a.cif", "a", CELL, group, atoms, {"_refine_ls_R_factor_gt": "0.1"})
    found = gemmi.read_small_structure(str(tmp_path / "a.cif"))
    assert found.spacegroup.hm == "P 1 21/c 1"
    assert [site.element.name for site in found.sites] == ["C", "Zn"]
    assert [site.occ for site in found.sites] == [1, 1]
    assert found.sites[0].fract.tolist() == pytest.approx(frac[0].tolist())
    write_xyz(tmp_path / "a.xyz", "a", atoms.elements, 10 * frac)
    lines = (tmp_path / "a.xyz").read_text().splitlines()
    assert lines[:2] == ["2", "a"]
    assert [float(part) for part in lines[2].split()[1:]] == pytest.approx([1.0, 2.0, 3.0], abs=1e-4)


def test_a_map_is_read_back_by_gemmi(tmp_path):
    density = np.random.default_rng(0).random((8, 10, 12)).astype(np.float32)
    write_ccp4(tmp_path / "a.ccp4", density, CELL, Group.from_name("P 21/c"))
    found = gemmi.read_ccp4_map(str(tmp_path / "a.ccp4"))
    assert np.allclose(np.array(found.grid), density)
    assert found.grid.unit_cell.parameters == pytest.approx(CELL)


def test_amplitudes_become_intensities_with_their_errors(tmp_path):
    """F² has the error 2 |F| σ(F)."""
    text = "data_x\nloop_\n" + "".join(
        f"_refln_{name}\n" for name in ("index_h", "index_k", "index_l", "F_meas", "F_sigma")
    )
    (tmp_path / "a.cif").write_text(text + "".join(f"1 0 {i} {3 * i} 0.5\n" for i in range(1, 13)))
    mtz = gemmi.Mtz(with_base=True)
    mtz.spacegroup = gemmi.find_spacegroup_by_name("P 1")
    mtz.set_cell_for_all(gemmi.UnitCell(*CELL))
    mtz.add_dataset("x")
    mtz.add_column("F", "F")
    mtz.add_column("SIGF", "Q")
    mtz.set_data(np.array([[1, 0, i, 3 * i, 0.5] for i in range(1, 13)], np.float32))
    mtz.write_to_file(str(tmp_path / "a.mtz"))
    amplitude = 3.0 * np.arange(1, 13)
    for name in ("a.cif", "a.mtz"):
        found = read_reflections(tmp_path / name)
        np.testing.assert_allclose(found.intensity, amplitude**2)
        np.testing.assert_allclose(found.sigma, 2 * amplitude * 0.5)
