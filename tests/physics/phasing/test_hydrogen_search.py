"""Riding hydrogen on known molecules with simulated data, and on measured crystals with known hydrogen."""

from dataclasses import replace
from pathlib import Path

import gemmi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from patterson_truth import true_atoms
from synthetic_crystals import measured, orthogonalisation

from argand.io.reflections import read_reflections
from argand.physics.crystal.atom import Atoms, is_hydrogen, structure_factors
from argand.physics.crystal.hydrogen import Kind
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.agreement import agreement
from argand.physics.phasing.difference_map import difference_map
from argand.physics.phasing.hydrogen_search import Riding, riding_hydrogen, with_hydrogen
from argand.physics.phasing.refinement import evaluate, refine
from argand.systems.patterson.solution.reflections import CrystalData, prepare

BOX = (9.0, 10.0, 11.0, 90.0, 90.0, 90.0)
# Idealised molecules in Å: elements and places of all atoms.
ETHANOL = """C 0 0 0, C 1.52 0 0, O 1.99 1.35 0, H -0.32 -0.91 0, H -0.32 0.45 0.78, H -0.32 0.45 -0.78,
H 1.84 -0.52 0.80, H 1.84 -0.52 -0.80, H 2.81 1.35 0"""
PYRROLE = """N 0 1.12 0, C 1.12 0.33 0, C 0.71 -0.98 0, C -0.71 -0.98 0, C -1.12 0.33 0, H 0 1.98 0,
H 2.02 0.65 0, H 1.27 -1.72 0, H -1.27 -1.72 0, H -2.02 0.65 0"""
ACETONITRILE = "C 0 0 0, C 1.46 0 0, N 2.60 0 0, H -0.32 0.91 0, H -0.32 -0.45 0.78, H -0.32 -0.45 -0.78"
ETHENE = "C 0 0 0, C 1.32 0 0, H -0.46 0.81 0, H -0.46 -0.81 0, H 1.78 0.81 0, H 1.78 -0.81 0"


def crystal(text: str, name: str = "P 21 21 21"):
    """A molecule in a box: all atoms, those but hydrogen, and exact intensities to 0.8 Å of all."""
    rows = [row.split() for row in text.replace("\n", " ").split(",")]
    group, cell = Group.from_name(name), orthogonalisation(BOX)
    places = np.array([row[1:] for row in rows], float) + np.array([2.1, 2.7, 3.3])
    count = len(rows)
    elements = tuple(row[0] for row in rows)
    whole = Atoms(elements, places @ np.linalg.inv(cell).T, np.full(count, 0.03), np.ones(count))
    heavy = whole.take(np.flatnonzero([not is_hydrogen(element) for element in elements]))
    return whole, heavy, measured(group, cell, whole, 0.8)


def placed(heavy: Atoms, data) -> tuple[Riding, ...]:
    model = evaluate(heavy, data)
    return riding_hydrogen(heavy, data.group, data.orthogonalisation, difference_map(model, data))


def misses(riding: tuple[Riding, ...], known: np.ndarray, group: Group, cell: np.ndarray) -> np.ndarray:
    """Distance of each placed hydrogen from the nearest known one, in Å."""
    found = np.vstack([one.frac for one in riding])
    apart = group.images(known)[:, :, None] - found
    apart -= np.rint(apart)
    return np.linalg.norm(apart @ cell.T, axis=-1).min((0, 1))


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (ETHANOL, [Kind.METHYL, Kind.SECONDARY, Kind.HYDROXYL]),
        (PYRROLE, [Kind.PLANAR] * 5),
        (ACETONITRILE, [Kind.METHYL]),
        (ETHENE, [Kind.TERMINAL] * 2),
    ],
    ids=["ethanol", "pyrrole", "acetonitrile", "ethene"],
)
def test_known_molecules_get_all_their_hydrogen(text: str, kinds: list[Kind]):
    whole, heavy, data = crystal(text)
    riding = placed(heavy, data)
    assert [one.kind for one in riding] == kinds
    known = whole.frac[[is_hydrogen(element) for element in whole.elements]]
    assert sum(map(len, riding)) == len(known)
    off = misses(riding, known, data.group, data.orthogonalisation)
    assert off.max() < 0.15
    full = with_hydrogen(heavy, riding)
    assert evaluate(full, data).r1 < 0.5 * evaluate(heavy, data).r1
    ratio = {Kind.METHYL: 1.5, Kind.HYDROXYL: 1.5}
    wanted = [ratio.get(one.kind, 1.2) * 0.03 for one in riding for _ in range(len(one))]
    assert full.u_iso[len(heavy) :] == pytest.approx(wanted)


def test_where_the_map_shows_none_nitrogen_and_oxygen_get_none():
    """The same molecules without hydrogen in the crystal: geometry alone places no N-H and O-H."""
    for text, element in ((ETHANOL, "O"), (PYRROLE, "N")):
        _, heavy, _ = crystal(text)
        data = measured(Group.from_name("P 21 21 21"), orthogonalisation(BOX), heavy, 0.8)
        parents = [heavy.elements[one.parent] for one in placed(heavy, data)]
        assert element not in parents


def test_a_methyl_group_whose_torsion_does_not_show_is_staggered():
    _, heavy, data = crystal(ETHANOL)
    difference = difference_map(evaluate(heavy, data), data)
    flat = replace(difference, density=difference.density * 0)
    first = riding_hydrogen(heavy, data.group, data.orthogonalisation, flat)[0]
    assert first.kind is Kind.STAGGERED
    # One hydrogen is opposite to the oxygen across the bond of both carbons.
    bonds = (first.frac - heavy.frac[0]) @ data.orthogonalisation.T
    side = (heavy.frac[2] - heavy.frac[1]) @ data.orthogonalisation.T
    assert np.sort(bonds[:, 1]) == pytest.approx(0.96 * 0.9428 * np.array([-1, 0.5, 0.5]), abs=1e-3)
    assert side[1] > 0


def test_a_group_on_a_mirror_is_half_told_and_completed_by_symmetry():
    """CH2 whose carbon lies on a mirror between its hydrogen atoms: one is told, at full occupancy."""
    group, cell = Group.from_name("P m"), orthogonalisation(BOX)
    # The mirror is y = 0; carbon and its neighbours lie on it, hydrogen above and below.
    frac = np.array([[2.0, 0, 2.0], [3.25, 0, 2.88], [0.75, 0, 2.88]]) @ np.linalg.inv(cell).T
    heavy = Atoms(("C", "O", "O"), frac, np.full(3, 0.03), np.full(3, 0.5))
    data = measured(group, cell, heavy, 0.9)
    riding = placed(heavy, data)
    assert [(one.kind, len(one), one.is_whole) for one in riding if one.parent == 0] == [
        (Kind.SECONDARY, 1, False)
    ]
    assert riding[0].occupancy.tolist() == [1.0]
    images = group.images(riding[0].frac)[:, 0] @ cell.T
    assert np.linalg.norm(images[0] - images[1]) == pytest.approx(2 * 0.97 * np.sin(np.radians(54)), abs=0.01)


def known_crystal(folder: Path, name: str) -> tuple[CrystalData, Atoms, np.ndarray]:
    """A measured crystal, its refined atoms but hydrogen, and the places of that."""
    structure = gemmi.read_small_structure(str(folder / f"{name}.cif"))
    known = np.array([site.fract.tolist() for site in structure.sites if is_hydrogen(site.element.name)])
    atoms, _ = true_atoms(gemmi.read_small_structure(str(folder / f"{name}.cif")))
    found = read_reflections(folder / f"{name}.hkl.gz")
    return prepare(found, structure.cell.parameters, structure.spacegroup_hm), atoms, known


@pytest.mark.parametrize(("name", "least"), [("cod_2012000", 32), ("l_alanine", 7)])
def test_hydrogen_of_measured_crystals_is_found(shared_data, name: str, least: int):
    question, atoms, known = known_crystal(shared_data / "patterson", name)
    model = refine(atoms, question.observed, 3)
    difference = difference_map(model, question.observed)
    axes = question.orthogonalisation
    riding = riding_hydrogen(model.atoms, question.group, axes, difference)
    off = misses(riding, known, question.group, axes)
    assert (off < 0.4).sum() >= least
    assert (off < 0.15).mean() > 0.7
    full = evaluate(with_hydrogen(model.atoms, riding), question.observed)
    assert full.r1 < 0.85 * model.r1


@pytest.mark.parametrize("name", ["nacl", "cod_2240189", "p1bar_a"])
def test_minerals_get_no_hydrogen_on_carbon(name: str):
    folder = Path(__file__).parents[2] / "data" / "measured"
    question, atoms, _ = known_crystal(folder, name)
    model = refine(atoms, question.observed, 3)
    difference = difference_map(model, question.observed)
    riding = riding_hydrogen(model.atoms, question.group, question.orthogonalisation, difference)
    assert all(model.atoms.elements[one.parent] in ("C", "O", "N") for one in riding)
    assert name != "nacl" or riding == ()


def test_the_difference_map_shows_what_the_model_lacks():
    """A missing oxygen stands in the map at its place, with the density of its electrons."""
    whole, _, data = crystal("C 0 0 0, C 1.5 0 0, O 2.1 1.2 0, C 2.3 -1.2 0")
    part = whole.take(np.array([0, 1, 3]))
    found = difference_map(evaluate(part, data), data)
    frac, heights, occupancy = found.peaks(3)
    images = data.group.images(whole.frac[2:3])[:, 0] - frac[0]
    images -= np.rint(images)
    assert np.linalg.norm(images @ data.orthogonalisation.T, axis=1).min() < 0.15
    assert heights[0] > 2 * heights[1]
    assert occupancy[0] == 1
    assert found.at(frac[:1])[0] == pytest.approx(heights[0], rel=0.1)
    assert found.density.mean() == pytest.approx(0, abs=1e-3)


def test_a_map_of_the_whole_model_is_flat():
    whole, _, data = crystal(ETHANOL)
    assert difference_map(evaluate(whole, data), data).rms < 1e-3


def test_agreement_is_that_of_its_formulas():
    whole, heavy, data = crystal(ETHANOL)
    model = evaluate(heavy, data)
    found = agreement(model, data, 10)
    calculated = np.abs(structure_factors(heavy, data.hkl, data.group, data.orthogonalisation)) ** 2
    observed, sigma = (values / model.scale**2 for values in (data.intensity, data.sigma))
    weight = 1 / (sigma**2 + (0.1 * (observed + 2 * calculated) / 3) ** 2)
    squares = weight * (observed - calculated) ** 2
    assert found.weighted == pytest.approx(np.sqrt(squares.sum() / (weight * observed**2).sum()), rel=1e-4)
    assert found.goodness == pytest.approx(np.sqrt(squares.sum() / (len(squares) - 10)), rel=1e-4)
    assert agreement(evaluate(whole, data), data, 10).weighted < 1e-3


@given(st.floats(0.1, 100))
def test_agreement_does_not_know_the_scale(factor: float):
    _, heavy, data = crystal(ETHANOL)
    scaled = replace(data, intensity=factor * data.intensity, sigma=factor * data.sigma)
    one, other = (agreement(evaluate(heavy, part), part, 10) for part in (data, scaled))
    assert other.weighted == pytest.approx(one.weighted, rel=1e-6)
    assert other.weighted_strong == pytest.approx(one.weighted_strong, rel=1e-6)
