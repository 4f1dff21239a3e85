"""CIFs say the symmetry of what they hold, and every reader gets the same crystal back."""

import warnings
from pathlib import Path

import gemmi
import numpy as np
import pytest

from argand.io.foreign_structure import foreign_structure
from argand.io.structure import read_structure
from argand.io.structure_cif import structure_of_block
from argand.physics.crystal.asymmetric_unit import WITHIN, asymmetric_unit
from argand.physics.crystal.atom import parse_formula
from argand.physics.crystal.structure import Structure, checked, parameters, wrapped

EXAMPLES = sorted((Path(__file__).parents[3] / "examples/data/crystals").glob("*.cif"))
GROUPS = {"LiFePO4": ("P n m a", 62), "MgAl2O4": ("F d -3 m", 227), "PbTiO3": ("P 4 m m", 99)}
GROUPS |= {"SrTiO3": ("P m -3 m", 221)}
CELLS = {
    "triclinic": (7.1, 8.3, 9.2, 81, 77, 73),
    "monoclinic": (7.1, 8.3, 9.2, 90, 103, 90),
    "orthorhombic": (7.1, 8.3, 9.2, 90, 90, 90),
    "tetragonal": (7.1, 7.1, 9.2, 90, 90, 90),
    "trigonal": (7.1, 7.1, 9.2, 90, 90, 120),
    "hexagonal": (7.1, 7.1, 9.2, 90, 90, 120),
    "cubic": (9.1, 9.1, 9.1, 90, 90, 90),
}


def crystal(group: gemmi.SpaceGroup) -> Structure:
    """A general orbit of silicon and one of oxygen on the origin, in a cell of the group's system."""
    values = list(CELLS[group.crystal_system_str()])
    if group.crystal_system_str() == "monoclinic":
        values[3:] = [90.0, 90.0, 90.0]
        values[3 + "abc".index(group.monoclinic_unique_axis())] = 103.0
    if group.ext == "R":
        values = [7.4, 7.4, 7.4, 83, 83, 83]
    lattice = 3 * np.array(gemmi.UnitCell(*values).orth.mat.tolist()).T
    species, places = [], []
    for number, start in ((14, (0.119, 0.317, 0.083)), (8, (0.0, 0.0, 0.0))):
        kept: list[np.ndarray] = []
        for op in group.operations():
            place = np.array(op.apply_to_xyz(start)) % 1.0
            apart = [one - place - np.round(one - place) for one in kept]
            if not any(np.abs(one).max() < 1e-6 for one in apart):
                kept.append(place)
        species += [number] * len(kept)
        places += kept
    return checked(lattice, np.array(species), np.array(places))


def same(found: Structure, truth: Structure, within: float = 1e-3) -> bool:
    """Whether all atoms are there within so many Å, in a cell of the same sides."""
    if len(found) != len(truth):
        return False
    np.testing.assert_allclose(parameters(found.lattice), parameters(truth.lattice), atol=1e-4)
    apart = truth.frac_coords[:, None] - found.frac_coords[None]
    far = np.linalg.norm((apart - np.round(apart)) @ truth.lattice, axis=-1)
    far += 1e3 * (truth.species[:, None] != found.species[None])
    return bool((far.min(axis=1) < within).all() and (far.min(axis=0) < within).all())


def by_gemmi(file: Path) -> Structure:
    small = gemmi.make_small_structure_from_block(gemmi.cif.read(str(file)).sole_block())
    sites = small.get_all_unit_cell_sites()
    lattice = np.array(small.cell.orth.mat.tolist()).T
    return checked(
        lattice,
        np.array([s.element.atomic_number for s in sites]),
        np.array([s.fract.tolist() for s in sites]),
    )


def by_ase(file: Path) -> Structure:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = foreign_structure(pytest.importorskip("ase.io").read(file))
    assert found is not None
    return found


def by_pymatgen(file: Path) -> Structure:
    core = pytest.importorskip("pymatgen.core")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = foreign_structure(core.Structure.from_file(file))
    assert found is not None
    return found


READERS = {"argand": read_structure, "gemmi": by_gemmi, "ase": by_ase, "pymatgen": by_pymatgen}


def block_of(structure: Structure) -> gemmi.cif.Block:
    return gemmi.cif.read_string(structure.to_cif("one")).sole_block()


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_every_reader_gets_an_example_back(file: Path, reader: str, tmp_path: Path):
    given = read_structure(file)
    written = tmp_path / "out.cif"
    written.write_text(given.to_cif("out"))
    assert same(READERS[reader](written), given)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_the_items_of_an_example_agree(file: Path):
    given = read_structure(file)
    block = block_of(given)
    symbol, number = GROUPS[given.formula]
    assert gemmi.cif.as_string(block.find_value("_space_group_name_H-M_alt")) == symbol
    assert block.find_value("_space_group_IT_number") == str(number)
    units = int(block.find_value("_cell_formula_units_Z"))
    text = gemmi.cif.as_string(block.find_value("_chemical_formula_sum"))
    counts = parse_formula(text)
    assert list(counts) == sorted(counts)
    assert units * sum(counts.values()) == len(given)
    assert float(block.find_value("_cell_volume")) == pytest.approx(given.volume, rel=1e-6)
    table = block.find("_atom_site_", ["site_symmetry_multiplicity", "fract_x", "fract_y", "fract_z"])
    assert sum(int(row[0]) for row in table) == len(given)
    assert len(table) < len(given)
    assert all(0 <= float(row[k]) < 1 for row in table for k in (1, 2, 3))


@pytest.mark.parametrize("step", range(23))
def test_settings_of_the_tables_come_back_by_all_readers(step: int, tmp_path: Path):
    """Of all tabulated settings every 23rd from each start, so all of them."""
    for group in list(gemmi.spacegroup_table())[step::23]:
        given = crystal(group)
        unit = asymmetric_unit(given.lattice, given.species, given.frac_coords)
        # Two symbols of one setting (C c c a and C c c b) have the same operations.
        found = gemmi.find_spacegroup_by_name(unit.symbol)
        assert unit.number == group.number, group.xhm()
        assert set(found.operations()) == set(group.operations()), group.xhm()
        written = tmp_path / "out.cif"
        written.write_text(given.to_cif("out"))
        for name, read in READERS.items():
            assert same(read(written), given), (name, group.xhm())


def test_the_order_of_the_file_is_told():
    for file in EXAMPLES:
        given = read_structure(file)
        order = given.cif_order
        read, _ = structure_of_block(block_of(given), 1000)
        assert (read.species == given.species[order]).all()
        apart = read.frac_coords - given.frac_coords[order]
        assert np.abs(apart - np.round(apart)).max() < 1e-5


def test_a_distortion_stays_in_the_file(tmp_path: Path):
    """Whatever its size: the symmetry that is written moves no atom by more than the tolerance."""
    generator = np.random.default_rng(0)
    ideal = read_structure(EXAMPLES[-1])
    for size in (1e-7, 1e-6, 1e-5, 3e-5, 1e-4, 2e-4, 5e-4, 1e-3, 1e-2):
        moves = size * generator.standard_normal((len(ideal), 3)) @ np.linalg.inv(ideal.lattice)
        lattice = ideal.lattice + size * generator.standard_normal((3, 3))
        shaken = checked(lattice, ideal.species, ideal.frac_coords + moves)
        written = tmp_path / "out.cif"
        written.write_text(shaken.to_cif("out"))
        assert same(read_structure(written), shaken, 2 * WITHIN), size
    assert "'P 1'" in written.read_text()


def test_rounding_hides_no_symmetry():
    ideal = read_structure(EXAMPLES[-1])
    rounded = checked(ideal.lattice.round(5), ideal.species, ideal.frac_coords.round(6))
    assert block_of(rounded).find_value("_space_group_IT_number") == "221"


@pytest.mark.parametrize("what", ["origin", "supercell"])
def test_what_no_operations_can_be_written_for_is_in_p_1(what: str, tmp_path: Path):
    """An origin that is kept, though off the symmetry elements, and a cell that repeats itself."""
    given = read_structure(EXAMPLES[-1])
    if what == "origin":
        given = checked(given.lattice, given.species, given.frac_coords + np.array([0.1234, 0.3, 0.2]))
    else:
        places = np.vstack([given.frac_coords * [0.5, 1, 1], given.frac_coords * [0.5, 1, 1] + [0.5, 0, 0]])
        given = checked(np.diag([2.0, 1, 1]) @ given.lattice, np.tile(given.species, 2), places)
    written = tmp_path / "out.cif"
    written.write_text(given.to_cif("out"))
    block = block_of(given)
    assert gemmi.cif.as_string(block.find_value("_space_group_name_H-M_alt")) == "P 1"
    assert block.find_value("_space_group_IT_number") == "1"
    for read in READERS.values():
        assert same(read(written), given)


def test_a_place_just_below_one_is_written_as_zero():
    lattice = 4 * np.eye(3) + 0.1 * np.arange(9).reshape(3, 3)
    given = Structure(
        lattice, np.array([11, 17], np.uint8), wrapped(np.array([[-1e-10, 0.2, 0.9], [0.5, 0.6, 0.3]]))
    )
    table = block_of(given).find("_atom_site_", ["fract_x", "fract_y", "fract_z"])
    assert [float(x) for x in table[0]] == [0.0, 0.2, 0.9]


def test_further_items_and_odd_names_are_quoted():
    given = read_structure(EXAMPLES[0])
    text = given.to_cif("a b\udcff", {"_argand_confidence": "0.9", "_argand_note": "two words"})
    block = gemmi.cif.read_string(text).sole_block()
    assert gemmi.cif.as_string(block.find_value("_argand_note")) == "two words"
    assert block.name == "a_b\\udcff"
