"""The ten fibrils hold what the crystal holds: counts, bonds, angles, packing, hydrogen bonds."""

from pathlib import Path

import gemmi
import numpy as np
import pytest
from scipy.spatial import KDTree

from argand.errors import ConfigError
from argand.physics.fibre.twist import DEG_PER_NM
from argand.systems.molmnist.ensemble.fluctuation import fibril_twist
from argand.systems.molmnist.fibril.cellulose import CIF, NAMES, cellulose
from argand.systems.molmnist.fibril.fibril import FIBRILS, Fibril, build_fibril, chain_sites, hexagonal_sheets
from argand.systems.molmnist.fibril.pdb import PDB_ATOMS, chain_name, write_structure, write_twisted

CHAINS = {**{f"{n}x{n}": n * n for n in range(2, 10)}, "hexagonal-24": 24, "hexagonal-36": 36}
X_H = {"C": (0.96, 1.0), "O": (0.96, 0.98)}


@pytest.fixture(scope="module")
def small() -> Fibril:
    return build_fibril("2x2", 40.0)


def lengths(fibril: Fibril) -> np.ndarray:
    return np.linalg.norm(fibril.cart[fibril.bonds[:, 0]] - fibril.cart[fibril.bonds[:, 1]], axis=1)


def bond_angles(fibril: Fibril) -> dict[tuple[str, str, str], list[float]]:
    """Angles in degrees by the elements of their three atoms."""
    neighbours: dict[int, list[int]] = {}
    for first, second in fibril.bonds:
        neighbours.setdefault(int(first), []).append(int(second))
        neighbours.setdefault(int(second), []).append(int(first))
    found: dict[tuple[str, str, str], list[float]] = {}
    for middle, ends in neighbours.items():
        for i, one in enumerate(ends):
            for other in ends[:i]:
                a, b = fibril.cart[one] - fibril.cart[middle], fibril.cart[other] - fibril.cart[middle]
                angle = np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))
                outer = sorted([fibril.elements[one], fibril.elements[other]])
                found.setdefault((outer[0], fibril.elements[middle], outer[1]), []).append(angle)
    return found


@pytest.mark.parametrize("name", FIBRILS)
def test_every_chain_has_843_atoms_and_the_fibrils_those_of_their_chains(name: str):
    fibril = build_fibril(name)
    assert fibril.chains == CHAINS[name]
    assert len(fibril) == 843 * CHAINS[name]
    assert np.bincount(fibril.chain).tolist() == [843] * fibril.chains
    counts = {element: fibril.elements.count(element) / fibril.chains for element in "CHO"}
    assert counts == {"C": 240, "H": 402, "O": 201}  # C240 H402 O201: 40 glucoses and a water


def test_ten_fibrils_have_the_published_range_of_atoms():
    sizes = [len(build_fibril(name)) for name in FIBRILS]
    assert (min(sizes), max(sizes), sum(sizes)) == (3372, 68283, 289_992)


def test_fibrils_are_two_hundred_angstrom_long_and_centred():
    fibril = build_fibril("3x3")
    beads = fibril.beads(fibril.cart)
    assert np.ptp(beads[:40, 2]) == pytest.approx(39 * 5.19)
    np.testing.assert_allclose(beads.mean(0), 0, atol=1.0)


def test_bonds_have_the_lengths_of_sugars(small: Fibril):
    kinds = [tuple(sorted((small.elements[a], small.elements[b]))) for a, b in small.bonds]
    limits = {("C", "C"): (1.48, 1.57), ("C", "O"): (1.40, 1.46), ("C", "H"): X_H["C"], ("H", "O"): X_H["O"]}
    for kind, length in zip(kinds, lengths(small), strict=True):
        assert limits[kind][0] < length < limits[kind][1], kind
    degree = np.bincount(small.bonds.ravel(), minlength=len(small))
    for element, bonds in (("C", 4), ("O", 2), ("H", 1)):
        assert set(degree[np.array(small.elements) == element]) == {bonds}


def test_angles_are_those_of_tetrahedral_carbon_and_bent_oxygen(small: Fibril):
    for kind, angles in bond_angles(small).items():
        low, high = (107.0, 118.0) if kind[1] == "O" else (101.0, 118.0)
        assert low < min(angles), kind
        assert max(angles) < high, kind


def test_bonded_lengths_are_those_that_the_cif_states():
    stated = (
        gemmi.cif.read(str(CIF))
        .sole_block()
        .find("_geom_bond_", ["atom_site_label_1", "atom_site_label_2", "distance"])
    )
    rows = {(a, b): gemmi.cif.as_number(d) for a, b, d in stated}
    for kind, chain in enumerate(cellulose().chains):
        for first, second in (("C1", "C2"), ("C4", "C5"), ("C5", "C6"), ("C1", "O5"), ("C6", "O6")):
            found = np.linalg.norm(chain.glucose[NAMES.index(first)] - chain.glucose[NAMES.index(second)])
            labels = f"{first}{kind + 1}", f"{second}{kind + 1}"
            assert found == pytest.approx(rows[labels], abs=0.01)
        link = cellulose().glucoses(kind, 2)
        found = np.linalg.norm(link[0, NAMES.index("C1")] - link[1, NAMES.index("O4")])
        assert found == pytest.approx(rows[f"C1{kind + 1}", f"O1{kind + 1}"], abs=0.01)


def test_chains_are_packed_as_in_the_crystal():
    """Atoms of a fibril lie on those that gemmi makes of the CIF with the space group's operators."""
    structure = gemmi.make_small_structure_from_block(gemmi.cif.read(str(CIF)).sole_block())
    sites = np.array([site.fract.tolist() for site in structure.get_all_unit_cell_sites()])
    fibril = build_fibril("hexagonal-24", 20.0)
    heavy = np.flatnonzero((np.array(fibril.elements) != "H") & (np.array(fibril.residue) != "ROH"))
    frac = fibril.cart[heavy] @ np.linalg.inv(cellulose().orthogonalisation).T
    assert min(_worst(frac - frac[0] + site, sites) for site in sites) < 1e-3


def _worst(frac: np.ndarray, sites: np.ndarray) -> float:
    """Largest distance in fractions of the cell from an atom to the nearest site."""
    away = frac[:, None] - sites[None]
    return float(np.abs(away - away.round()).max(-1).min(1).max())


def test_neighbouring_sheets_and_chains_are_at_the_crystals_distances():
    fibril = build_fibril("4x4", 30.0)
    middle = fibril.beads(fibril.cart).reshape(16, -1, 3)[:, 2, :2]
    apart = np.linalg.norm(middle[:, None] - middle[None], axis=-1)
    a, b, angle = 7.784, 8.201, np.radians(96.55)
    diagonals = [np.sqrt(a * a + b * b + sign * 2 * a * b * np.cos(angle)) / 2 for sign in (1, -1)]
    nearest = np.sort(apart, axis=1)[:, 1]
    assert np.all((nearest > min(diagonals) - 0.4) & (nearest < max(diagonals) + 0.4))


@pytest.mark.parametrize("name", ["2x2", "hexagonal-24"])
def test_nothing_clashes(name: str):
    fibril = build_fibril(name, 30.0)
    near = KDTree(fibril.cart).query_pairs(1.7, output_type="ndarray")
    bonded = {tuple(sorted(pair)) for pair in fibril.bonds.tolist()}
    partners: dict[int, set[int]] = {}
    for first, second in bonded:
        partners.setdefault(first, set()).add(second)
        partners.setdefault(second, set()).add(first)
    for first, second in near.tolist():
        assert (first, second) in bonded or partners[first] & partners[second]


def test_hydroxyls_point_as_in_network_a(small: Fibril):
    crystal = cellulose()
    for kind in (0, 1):
        glucoses = crystal.glucoses(kind, 3)
        for hydrogen, acceptor in (("H3O", "O5"), ("H2O", "O6")):
            apart = np.linalg.norm(
                glucoses[1, NAMES.index(hydrogen)] - glucoses[[0, 2], NAMES.index(acceptor)], axis=1
            )
            assert 1.6 < apart.min() < 2.0
        sideways = (
            glucoses[[0, 1, 2], NAMES.index("O3")][:, None]
            + np.array([[1], [-1]]) * crystal.orthogonalisation[:, 1]
        )
        apart = np.linalg.norm(glucoses[1, NAMES.index("H6O")] - sideways, axis=-1)
        assert 1.6 < apart.min() < 2.0


def test_files_are_read_back_by_gemmi(tmp_path: Path, small: Fibril):
    for path in write_structure(tmp_path, small):
        read = gemmi.read_structure(str(path))
        cart = np.array([site.atom.pos.tolist() for site in read[0].all()])
        np.testing.assert_allclose(cart, small.cart, atol=6e-4)
        assert [site.atom.name for site in read[0].all()] == list(small.atom_names)
        assert len(read[0]) == 4
    assert not list(tmp_path.glob("*.part"))


def test_chains_beyond_the_alphabet_have_two_letters():
    names = [chain_name(number) for number in range(81)]
    assert len(set(names)) == 81
    assert names[0] == "A"
    assert names[80] == "CC"


def test_an_unknown_fibril_is_told():
    with pytest.raises(ConfigError, match="unknown fibril '2x33'; did you mean"):
        build_fibril("2x33")
    with pytest.raises(ConfigError, match="hexagonal-N for N = 14, 16, 18"):
        build_fibril("hexagonal-17")


@pytest.mark.parametrize(("count", "sheets"), hexagonal_sheets().items())
def test_hexagonal_fibrils_of_every_size_are_whole_hexagons(count: int, sheets: tuple[int, ...]):
    sites = chain_sites(f"hexagonal-{count}")
    assert len({tuple(site) for site in sites.tolist()}) == count == sum(sheets)
    assert (sites.sum(1) % 2 == 0).all()
    steps = np.diff(sheets)
    # One chain more from sheet to sheet, then perhaps two alike, then one less.
    assert set(steps) <= {1, 0, -1}
    assert np.count_nonzero(steps == 0) <= 1
    assert sheets == sheets[::-1]
    for number, length in enumerate(sheets):
        row = np.sort(sites[sites[:, 0] == number, 1])
        assert len(row) == length
        assert (np.diff(row) == 2).all()
    # Next sheets lie in the gaps of each other, and their middles differ by half a chain's width at most.
    middles = np.array([sites[sites[:, 0] == number, 1].mean() for number in range(len(sheets))])
    assert np.abs(np.diff(middles)).max() <= 1
    assert build_fibril(f"hexagonal-{count}", 10.0).chains == count


def test_the_published_hexagons_are_those_of_the_sets():
    assert hexagonal_sheets()[24] == (3, 4, 5, 5, 4, 3)
    assert hexagonal_sheets()[36] == (3, 4, 5, 6, 6, 5, 4, 3)
    assert {count for count in hexagonal_sheets() if 18 <= count <= 40} >= {18, 24, 30, 36, 40}


@pytest.mark.parametrize(("name", "twist"), [("4x6", 1.5), ("hexagonal-18", -3.0)])
def test_files_of_a_twisted_fibril_have_its_twist(tmp_path: Path, name: str, twist: float):
    fibril = build_fibril(name, 60.0)
    paths, stretch = write_twisted(tmp_path, fibril, twist)
    assert {path.name for path in paths} == {f"{name}_{twist:+g}deg-per-nm{end}" for end in (".pdb", ".cif")}
    farthest = float(np.hypot(*fibril.cart[:, :2].T).max())
    assert 0 < stretch < 1.1 * farthest * np.radians(abs(twist)) / 10 / 2
    for path in paths:
        read = gemmi.read_structure(str(path))
        cart = np.array([site.atom.pos.tolist() for site in read[0].all()])
        found = fibril_twist(fibril, fibril.beads(cart)) * DEG_PER_NM
        assert found == pytest.approx(twist, abs=0.02)


def test_an_untwisted_fibril_keeps_its_name_and_its_bonds(tmp_path: Path, small: Fibril):
    paths, stretch = write_twisted(tmp_path, small, 0.0)
    assert [path.name for path in paths] == ["2x2.pdb", "2x2.cif"]
    assert stretch == 0


@pytest.mark.slow
def test_the_widest_fibril_has_more_atoms_than_a_pdb_numbers_and_is_read_back(tmp_path: Path):
    fibril = build_fibril("12x12")
    assert len(fibril) > PDB_ATOMS
    for path in write_structure(tmp_path, fibril):
        read = gemmi.read_structure(str(path))
        assert len(read[0]) == 144
        cart = np.array([site.atom.pos.tolist() for site in read[0].all()])
        np.testing.assert_allclose(cart, fibril.cart, atol=6e-4)


def test_a_fibril_too_long_for_the_columns_of_a_pdb_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="too long for a PDB file"):
        write_structure(tmp_path / "none", build_fibril("1x1", 2100.0))
    assert not (tmp_path / "none").exists()
    write_structure(tmp_path, build_fibril("1x1", 1985.0))
    read = gemmi.read_structure(str(tmp_path / "1x1.pdb"))
    assert np.ptp([site.atom.pos.z for site in read[0].all()]) == pytest.approx(1990, abs=10)
