"""Chiral crystals keep their hand, whatever they come from and however left-handed their cell is."""

from collections.abc import Callable
from pathlib import Path

import gemmi
import numpy as np
import pytest
import spglib

from argand.io.structure import read_many, read_structure, write_structure
from argand.physics.crystal.comparison import compare
from argand.physics.crystal.structure import Structure, checked, parameters, wrapped
from argand.physics.crystal.supercell import folded, unfolded
from argand.systems.crystals.latent.decoding import decode, encode_verified
from argand.systems.crystals.latent.representation import Representation
from argand.systems.crystals.predict import load

GROUPS = {"P 31": "P3_1", "P 32": "P3_2", "P 41 21 2": "P4_12_12", "P 43 21 2": "P4_32_12"}
EXCHANGED = [1, 0, 2]
"""The vectors a and b exchanged: a left-handed cell of the same crystal."""
Raw = tuple[np.ndarray, np.ndarray, np.ndarray]


def crystal(group: str) -> Structure:
    """Two atoms of the asymmetric unit, of two elements, and all their images."""
    hexagonal = group.startswith("P 3")
    cell = gemmi.UnitCell(8.1, 8.1, 9.3, 90, 90, 120 if hexagonal else 90)
    lattice = np.array(cell.orth.mat.tolist()).T
    places, species = [], []
    for z, place in ((14, (0.12, 0.29, 0.05)), (8, (0.41, 0.83, 0.09))):
        for operator in gemmi.SpaceGroup(group).operations():
            places.append(operator.apply_to_xyz(place))
            species.append(z)
    return checked(lattice, np.array(species), np.array(places))


def left_handed(structure: Structure) -> Raw:
    """Arrays of the same crystal in a left-handed cell."""
    return structure.lattice[EXCHANGED], structure.species, structure.frac_coords[:, EXCHANGED]


def group_of(structure: Structure) -> str:
    cell = (structure.lattice.tolist(), structure.frac_coords.tolist(), structure.species.tolist())
    dataset = spglib.get_symmetry_dataset(cell, symprec=1e-3)
    assert dataset is not None
    return dataset.international


def turned(structure: Structure) -> Structure:
    """The same crystal in the right-handed cell of -b, -a, -c."""
    lattice, species, frac = left_handed(structure)
    return checked(-lattice, species, wrapped(-frac))


def assert_same(found: Structure, truth: Structure) -> None:
    """Same atoms in the same cell, both right-handed, so that a rotation brings one onto the other."""
    assert min(np.linalg.det(found.lattice), np.linalg.det(truth.lattice)) > 0
    np.testing.assert_allclose(parameters(found.lattice), parameters(truth.lattice), rtol=1e-4)
    comparison = compare(found, truth)
    assert comparison.is_exact
    assert comparison.rms_distance < 1e-3


def poscar(path: Path, raw: Raw) -> Structure:
    lattice, species, frac = raw
    lines = ["Si O", "1.0", *(" ".join(map(repr, map(float, row))) for row in lattice)]
    order = np.argsort(-species.astype(int), kind="stable")
    half = len(species) // 2
    lines += ["Si O", f"{half} {half}", "Direct"]
    lines += [" ".join(map(repr, map(float, row))) for row in frac[order]]
    path.write_text("\n".join(lines))
    return read_structure(path)


def negative_scale(path: Path, raw: Raw) -> Structure:
    """A POSCAR whose scale is the volume, as a negative number."""
    poscar(path, raw)
    volume = abs(np.linalg.det(raw[0]))
    path.write_text(path.read_text().replace("1.0\n", f"-{volume:.9f}\n", 1))
    return read_structure(path)


def xyz(path: Path, raw: Raw) -> Structure:
    lattice, species, frac = raw
    words = " ".join(map(repr, map(float, lattice.ravel())))
    lines = [str(len(species)), f'Lattice="{words}" Properties=species:S:1:pos:R:3']
    for z, place in zip(species, frac @ lattice, strict=True):
        lines.append(f"{gemmi.Element(int(z)).name} {' '.join(map(repr, map(float, place)))}")
    path.write_text("\n".join(lines))
    return read_structure(path)


def parquet(path: Path, raw: Raw) -> Structure:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    names = ("lattice", "species", "frac_coords")
    row = {name: value.ravel().tolist() for name, value in zip(names, raw, strict=True)}
    parquet.write_table(arrow.Table.from_pylist([row]), path)
    ((_, found),) = read_many(path)
    assert isinstance(found, Structure)
    return found


WAYS: dict[str, Callable[[Path, Raw], Structure]] = {
    "a.vasp": poscar,
    "b.vasp": negative_scale,
    "a.xyz": xyz,
    "a.parquet": parquet,
    "checked": lambda path, raw: checked(*raw),
    "unchecked": lambda path, raw: Structure(*raw),
}


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("group", GROUPS)
def test_a_left_handed_cell_is_read_as_the_crystal_and_not_its_mirror_image(
    tmp_path: Path, name: str, group: str
):
    truth = crystal(group)
    assert np.linalg.det(left_handed(truth)[0]) < 0
    found = WAYS[name](tmp_path / name, left_handed(truth))
    assert group_of(found) == GROUPS[group]
    assert_same(found, turned(truth))


@pytest.mark.parametrize("group", GROUPS)
def test_hands_come_back_from_vectors(group: str):
    given = Structure(*left_handed(crystal(group)))
    decoded = load().reconstruct(given).structure
    assert group_of(decoded) == GROUPS[group]
    assert_same(decoded, turned(crystal(group)))


@pytest.mark.parametrize("group", GROUPS)
def test_pymatgen_gives_left_handed_cells_as_they_are(group: str):
    core = pytest.importorskip("pymatgen.core")
    lattice, species, frac = left_handed(crystal(group))
    source = core.Structure(lattice, species.astype(int).tolist(), frac)
    assert group_of(load().reconstruct(source).structure) == GROUPS[group]


def test_written_files_keep_the_hand(tmp_path: Path):
    given = Structure(*left_handed(crystal("P 31")))
    for name in ("a.cif", "a.vasp", "a.xyz"):
        write_structure(tmp_path / name, given)
        assert group_of(read_structure(tmp_path / name)) == "P3_1"
    assert "'P 31'" in given.to_cif("a")


@pytest.mark.parametrize(
    "multiples", [np.diag([2, 1, 1]), np.diag([-2, 1, 1]), np.diag([1, 1, 2])[[1, 0, 2]]]
)
def test_supercells_keep_the_hand_on_every_way(multiples: np.ndarray):
    truth = crystal("P 31")
    large = unfolded(truth, multiples)
    assert group_of(large) == "P3_1"
    small = folded(large)
    assert small is not None
    assert np.linalg.det(small.primitive.lattice) > 0
    assert group_of(small.primitive) == "P3_1"
    assert group_of(unfolded(small.primitive, small.multiples)) == "P3_1"
    representation = Representation()
    latent, _ = encode_verified(representation, large)
    assert group_of(decode(representation, latent).structure) == "P3_1"
    assert group_of(decode(representation, representation.encode_folded(small)).structure) == "P3_1"


def test_the_mirror_image_is_not_the_same():
    truth = crystal("P 31")
    mirrored = Structure(truth.lattice * [1, 1, -1], truth.species, truth.frac_coords)
    assert group_of(mirrored) == "P3_2"
    assert not compare(mirrored, truth).is_exact
    assert compare(Structure(-truth.lattice, truth.species, wrapped(-truth.frac_coords)), truth).is_exact
