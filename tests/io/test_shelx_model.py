"""SHELXL instructions, labels, reflections and cell errors, read back by this package and by cctbx."""

import json
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import gemmi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_crystals import orthogonalisation, random_atoms, unique_sphere

from argand.errors import ConfigError
from argand.io.cell_errors import stated_cell_errors, usual_cell_errors, with_uncertainty
from argand.io.hkl import hklf4_scale, write_hklf4
from argand.io.hklf import parse_hklf
from argand.io.labels import atom_labels, hydrogen_labels
from argand.io.reflections import read_reflections
from argand.io.shelx import read_instructions, shelx_symmetry
from argand.io.shelx_model import Peaks, ShelxModel, near_atoms, shelx_lines
from argand.physics.crystal.atom import Atoms, structure_factors
from argand.physics.crystal.hand import centring_shift, moved_origin
from argand.physics.crystal.hydrogen import Kind
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.absolute_structure import dispersion
from argand.physics.phasing.hydrogen_search import Riding

CELL = (7.6, 8.9, 9.1, 90.0, 104.0, 90.0)
GROUPS = list(gemmi.spacegroup_table_itb())


def model(atoms: Atoms, group: Group, **changes) -> ShelxModel:
    counts = {element: 4.0 * atoms.elements.count(element) for element in atoms.elements}
    first = {"title": "t", "cell": CELL, "wavelength": 0.71073, "group": group, "atoms": atoms}
    return ShelxModel(
        **(first | {"labels": atom_labels(atoms.elements), "content": counts, "units": 4} | changes)
    )


def few(group: Group, elements: tuple[str, ...] = ("C", "O", "Zn")) -> Atoms:
    return random_atoms(group, orthogonalisation(CELL), elements)


@pytest.mark.parametrize("known", GROUPS, ids=lambda known: known.xhm())
def test_the_symmetry_of_every_group_comes_back(known: gemmi.SpaceGroup):
    group = Group.from_operations(known.operations(), known.xhm())
    shift = centring_shift(group)
    moved = moved_origin(group, shift)
    latt, symm = shelx_symmetry(moved)
    # SHELXL wants the centre of inversion at the origin.
    assert (latt > 0) == known.is_centrosymmetric()
    text = f"LATT {latt}\n" + "".join(f"SYMM {card}\n" for card in symm)
    again = read_instructions(text).group
    assert again is not None
    assert again._operations() == moved._operations()
    if not shift.any():
        assert again._operations() == known.operations()


def test_the_origin_moves_with_the_atoms():
    """In the first origin choice the file holds the same crystal, with the same intensities."""
    group, cell = Group.from_name("P n n n:1"), np.diag([7.0, 8.0, 9.0])
    atoms = random_atoms(group, cell, ("C", "O"))
    lines = shelx_lines(model(atoms, group, cell=(7.0, 8.0, 9.0, 90.0, 90.0, 90.0)))
    again = read_instructions("\n".join(lines)).group
    assert again is not None
    assert any("origin was moved" in line for line in lines)
    frac = np.array([[float(x) for x in line.split()[2:5]] for line in lines if line[:2] in ("C1", "O1")])
    hkl = unique_sphere(group, cell, 1.5)
    moved = Atoms(atoms.elements, frac, atoms.u_iso, atoms.occupancy)
    one, other = structure_factors(atoms, hkl, group, cell), structure_factors(moved, hkl, again, cell)
    assert np.abs(one) == pytest.approx(np.abs(other), abs=1e-2)


def test_cards_come_back_and_atoms_stand_in_their_columns():
    group = Group.from_name("P 21/c")
    atoms = few(group)
    lines = shelx_lines(model(atoms, group, errors=(0.001, 0.002, 0.003, 0.0, 0.02, 0.0)))
    again = read_instructions("\n".join(lines))
    assert again.cell == CELL
    assert again.formula == "C4 O4 Zn4"
    assert again.group is not None
    assert again.group.name == "P 1 21/c 1"
    assert "ZERR 4 0.0010 0.0020 0.0030 0.0000 0.0200 0.0000" in lines
    assert [line.split()[0] for line in lines].index("SFAC") + 1 == [line[:4] for line in lines].index("UNIT")
    place = next(line for line in lines if line.startswith("O1 ")).split()
    assert [float(x) for x in place[2:5]] == pytest.approx(atoms.frac[1].tolist(), abs=1e-6)
    assert place[1] == "2"
    assert float(place[5]) == 11
    assert lines[-2:] == ["HKLF 4", "END"]


def test_special_positions_have_their_share_and_errors_are_said_to_be_usual():
    group = Group.from_name("P 21/c")
    atoms = Atoms(("Zn",), np.array([[0.5, 0.0, 0.5]]), np.array([0.02]), np.array([0.5]))
    lines = shelx_lines(model(atoms, group, content={"Zn": 2}))
    assert "10.50000" in next(line for line in lines if line.startswith("Zn1"))
    assert any("usual" in line for line in lines)


@pytest.mark.parametrize("wavelength", [1.54178, 1.54056, 0.71073, 0.5609])
def test_known_wavelengths_need_no_dispersion_cards(wavelength: float):
    group = Group.from_name("P 21/c")
    lines = shelx_lines(model(few(group), group, wavelength=wavelength))
    assert not [line for line in lines if line.startswith("DISP")]


def test_other_wavelengths_have_dispersion_and_absorption():
    group = Group.from_name("P 21/c")
    lines = shelx_lines(model(few(group), group, wavelength=0.6889, radiation="xray"))
    kinds = [line.split()[0] for line in lines]
    assert kinds.index("SFAC") < kinds.index("DISP") < kinds.index("UNIT")
    card = next(line for line in lines if line.startswith("DISP $Zn")).split()
    value = dispersion(("Zn",), 0.6889)["Zn"]
    assert [float(part) for part in card[2:4]] == pytest.approx([value.real, value.imag], abs=1e-5)
    # 2 r_e λ f'' by hand, r_e = 2.8179e-5 Å, in barn of 1e-8 Å².
    assert float(card[4]) == pytest.approx(2 * 2.8179403e-5 * 0.6889 * value.imag / 1e-8, rel=1e-4)
    none = shelx_lines(model(few(group), group, wavelength=0.0251, radiation="electron"))
    assert not [line for line in none if line.startswith("DISP")]


def test_hydrogen_rides_on_its_parent_and_peaks_stand_after_the_end():
    group = Group.from_name("P 21/c")
    atoms = few(group, ("C", "O", "C"))
    methyl = Riding(2, Kind.METHYL, np.full((3, 3), 0.2), np.ones(3), True)
    part = Riding(0, Kind.SECONDARY, np.full((1, 3), 0.3), np.ones(1), False)
    peaks = Peaks(np.array([[0.1, 0.2, 0.3]]), np.array([0.61]), np.array([0.5]))
    riding = {"riding": (part, methyl), "riding_labels": [["H1"], ["H2A", "H2B", "H2C"]]}
    lines = shelx_lines(model(atoms, group, **riding), peaks)
    names = [line.split()[0] for line in lines]
    start = names.index("C1")
    order = ["C1", "AFIX", "H1", "AFIX", "O1", "C2", "AFIX", "H2A", "H2B", "H2C", "AFIX", "HKLF", "END", "Q1"]
    assert names[start:] == order
    assert [line for line in lines if line.startswith("AFIX")] == ["AFIX 3", "AFIX 0", "AFIX 137", "AFIX 0"]
    assert next(line for line in lines if line.startswith("H2B")).split()[1:] == [
        *("2", "0.200000", "0.200000", "0.200000", "11.00000", "-1.50")
    ]
    assert lines[-1].split()[1:] == ["1", "0.100000", "0.200000", "0.300000", "10.50000", "0.05", "0.61"]
    assert "SFAC C H O" in lines


@given(st.integers(1, 40), st.text(max_size=300), st.integers(0, 9))
def test_no_line_is_longer_than_eighty(kinds: int, title: str, seed: int):
    names = [gemmi.Element(number).name for number in range(3, 3 + kinds)]
    group = Group.from_name("F d d d:2")
    rng = np.random.default_rng(seed)
    atoms = Atoms(tuple(names), rng.random((kinds, 3)) * 9 - 4, rng.random(kinds), np.ones(kinds))
    content = dict.fromkeys(names, 12345.25)
    lines = shelx_lines(model(atoms, group, title=title, remarks=[title], content=content, wavelength=1.1))
    assert max(len(line) for line in lines) <= 80
    assert all(line.isascii() for line in lines)
    again = read_instructions("\n".join(lines))
    assert again.group is not None
    assert again.formula is not None
    assert len(again.formula.split()) == kinds


def test_peaks_are_moved_to_the_molecule():
    group, cell = Group.from_name("P 21/c"), orthogonalisation(CELL)
    atoms = few(group)
    far = -atoms.frac + (2, 0, -1)
    found = near_atoms(Peaks(far, np.ones(3), np.ones(3)), atoms, group, cell)
    assert found.frac == pytest.approx(atoms.frac)


def test_labels_have_four_characters_each_once_beyond_nine_hundred_ninety_nine():
    elements = ["C"] * 1500 + ["Cl"] * 150 + ["Co"] * 20 + ["H"] * 3000
    labels = atom_labels(elements)
    assert labels[:2] == ["C1", "C2"]
    assert labels[998] == "C999"
    assert max(map(len, labels)) <= 4
    assert len({label.upper() for label in labels}) == len(labels)
    assert all(any(letter.isdigit() for letter in label) for label in labels)
    assert all(label.startswith(element) for label, element in zip(labels, elements, strict=True))
    with pytest.raises(ConfigError, match="too many"):
        atom_labels(["Cl"] * 2000)


def test_labels_of_hydrogen_follow_their_parents():
    found = hydrogen_labels(["C1", "N1", "C12", "O3"], [3, 1, 2, 1], ["C", "N", "C", "O"])
    assert found == [["H1A", "H1B", "H1C"], ["HN1"], ["H12A", "H12B"], ["HO3"]]
    parents = atom_labels(["C"] * 1200 + ["N"] * 200)
    many = hydrogen_labels(parents, [3] * 1400, ["C"] * 1200 + ["N"] * 200)
    names = [name for group in many for name in group]
    assert len(set(names)) == len(names) == 4200
    assert max(map(len, names)) <= 4


@given(st.floats(1e-3, 1e9), st.integers(0, 5))
def test_reflections_fit_their_columns_and_come_back(size: float, seed: int):
    rng = np.random.default_rng(seed)
    hkl = rng.integers(-99, 99, (30, 3))
    hkl[(hkl == 0).all(1)] = 1
    intensity = size * rng.normal(0.3, 0.5, 30)
    sigma = size * rng.uniform(0.01, 0.1, 30)
    scale = hklf4_scale(intensity, sigma)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.hkl"
        write_hklf4(path, hkl, intensity, sigma, scale)
        lines = path.read_text().splitlines()
        assert {len(line) for line in lines} == {28}
        rows = parse_hklf(path.read_text(), "a")
    again, value, error = rows.hkl, rows.intensity, rows.sigma
    assert rows.notes == ()
    assert np.array_equal(again, hkl)
    assert value == pytest.approx(intensity * scale, abs=0.006)
    assert error == pytest.approx(np.maximum(sigma * scale, 0.01), abs=0.006)
    assert np.abs(value).max() > 900


def test_intensities_that_fit_are_written_as_they_are():
    assert hklf4_scale(np.array([1500.0, -3.0]), np.ones(2)) == 1
    assert hklf4_scale(np.array([1.5e6, 0.0]), np.ones(2)) == pytest.approx(99999.99 / 1.5e6)
    assert hklf4_scale(np.array([50000.0, -20000.0]), np.ones(2)) == pytest.approx(9999.99 / 20000)


def test_errors_of_the_cell_are_those_of_the_file(tmp_path):
    tags = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    values = ("7.6123(12)", "8.90(2)", "9.1", "90", "104.02(3)", "90")
    text = "data_a\n" + "".join(f"_cell_{tag} {value}\n" for tag, value in zip(tags, values, strict=True))
    (tmp_path / "a.cif").write_text(text)
    assert stated_cell_errors(str(tmp_path / "a.cif")) == pytest.approx((0.0012, 0.02, 0, 0, 0.03, 0))
    (tmp_path / "b.ins").write_text("CELL 0.7 7 8 9 90 90 90\nZERR 4.00 0.0011 0.0018 0.0025 0.0 0.01 0.0\n")
    assert stated_cell_errors(str(tmp_path / "b.hkl")) == pytest.approx((0.0011, 0.0018, 0.0025, 0, 0.01, 0))
    (tmp_path / "c.cif").write_text(text.replace("(12)", "").replace("(2)", ""))
    for nothing in ("c.cif", "d.hkl", "none.cif", "e.mtz"):
        assert stated_cell_errors(str(tmp_path / nothing)) is None


@pytest.mark.parametrize(
    ("name", "cell", "free"),
    [
        ("P -1", (7.0, 8.0, 9.0, 80.0, 85.0, 95.0), (True, True, True)),
        ("P 21/c", CELL, (False, True, False)),
        ("P 31", (7.0, 7.0, 9.0, 90.0, 90.0, 120.0), (False, False, False)),
        ("F m -3 m", (5.6, 5.6, 5.6, 90.0, 90.0, 90.0), (False, False, False)),
    ],
)
def test_usual_errors_are_zero_where_symmetry_fixes_an_angle(name, cell, free):
    found = usual_cell_errors(cell, Group.from_name(name))
    assert tuple(value > 0 for value in found[3:]) == free
    assert found[0] == pytest.approx(2e-4 * cell[0])


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (1.23456, 0.0012, "1.2346(12)"),
        (1.23456, 0.0195, "1.23(2)"),
        (0.031, 0.05, "0.03(5)"),
        (120.0, 3.0, "120(3)"),
        (8.9, 0, "8.9000"),
        (8.9, 0.1, "8.90(10)"),
    ],
)
def test_uncertainties_are_written_in_parentheses(value, error, text):
    assert with_uncertainty(value, error) == text


CCTBX = """
import json, sys
from iotbx import shelx
model = shelx.parse_smtbx_refinement_model(filename=sys.argv[1]).structure
told = [[s.label, s.scattering_type, list(s.site), s.occupancy, s.u_iso] for s in model.scatterers()]
symmetry = model.crystal_symmetry()
print(json.dumps({"atoms": told, "group": symmetry.space_group_info().type().number(),
  "order": symmetry.space_group().order_z(), "cell": list(symmetry.unit_cell().parameters())}))
"""


@pytest.mark.parametrize("name", ["P 21/c", "C 2/c", "R -3 c:H", "P 43 21 2", "F d d 2"])
def test_cctbx_reads_the_same_atoms(tmp_path, name: str):
    if find_spec("iotbx") is None:
        pytest.skip("cctbx is not installed")
    group = Group.from_name(name)
    cell = (12.0, 12.0, 15.0, 90.0, 90.0, 120.0 if name[0] == "R" else 90.0)
    cell = CELL if name[-2:] == "/c" else cell
    atoms = random_atoms(group, orthogonalisation(cell), ("C", "O", "Zn"))
    lines = shelx_lines(model(atoms, group, cell=cell, wavelength=0.6889))
    # Its reader knows no DISP card.
    (tmp_path / "a.ins").write_text("\n".join(line for line in lines if not line.startswith("DISP")) + "\n")
    # In a process of its own: cctbx does not bear pytest's fault handler.
    answer = subprocess.run(
        [sys.executable, "-c", CCTBX, str(tmp_path / "a.ins")], capture_output=True, text=True, check=True
    )
    found = json.loads(answer.stdout)
    assert found["cell"] == pytest.approx(cell)
    assert found["order"] == group.order
    assert found["group"] == gemmi.find_spacegroup_by_name(name).number
    assert [row[1] for row in found["atoms"]] == list(atoms.elements)
    assert np.array([row[2] for row in found["atoms"]]) == pytest.approx(atoms.frac, abs=1e-6)
    assert [row[4] for row in found["atoms"]] == pytest.approx(atoms.u_iso.tolist(), abs=1e-5)


def test_instructions_and_reflections_together_are_read_again(tmp_path):
    group, cell = Group.from_name("P 21/c"), orthogonalisation(CELL)
    atoms = few(group)
    hkl = unique_sphere(group, cell, 1.2)
    intensity = np.abs(structure_factors(atoms, hkl, group, cell)) ** 2
    write_hklf4(
        tmp_path / "a.hkl", hkl, intensity, 0.02 * intensity, hklf4_scale(intensity, 0.02 * intensity)
    )
    (tmp_path / "a.ins").write_text("\n".join(shelx_lines(model(atoms, group))) + "\n")
    again = read_reflections(tmp_path / "a.hkl")
    assert again.cell == CELL
    assert again.group is not None
    assert again.group.name == "P 1 21/c 1"
    assert len(again.hkl) == len(hkl)
