"""Cells against gemmi; random cells and orientations keep what their names promise."""

import gemmi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from argand.errors import ConfigError
from argand.physics.crystal.cell import CENTRINGS, CRYSTAL_SYSTEMS, Cell, random_cell, random_rotation

SEEDS = st.integers(0, 2**32 - 1)
GROUPS = {"P": "P 1", "C": "C 1 2 1", "I": "I 2 2 2", "F": "F 2 2 2", "R": "R 3:H"}
"""Space groups whose only absences are those of the centring."""
LATTICES = {
    "triclinic": "P -1",
    "monoclinic": "P 1 2/m 1",
    "orthorhombic": "P m m m",
    "tetragonal": "P 4/m m m",
    "trigonal": "R -3 m:H",
    "hexagonal": "P 6/m m m",
    "cubic": "P m -3 m",
}
"""The symmetry that the lattice of each system has."""


def to_gemmi(cell: Cell) -> gemmi.UnitCell:
    return gemmi.UnitCell(*cell.lengths, *np.degrees([cell.alpha, cell.beta, cell.gamma]))


@given(SEEDS)
def test_axes_and_volume_are_those_of_gemmi(seed: int):
    cell = random_cell(np.random.default_rng(seed), 5, 300)
    other = to_gemmi(cell)
    np.testing.assert_allclose(cell.orthogonalisation, np.array(other.orth.mat), atol=1e-6)
    np.testing.assert_allclose(cell.reciprocal, np.array(other.frac.mat).T, atol=1e-9)
    assert cell.volume == pytest.approx(other.volume)


@given(SEEDS)
def test_spacings_are_those_of_gemmi(seed: int):
    rng = np.random.default_rng(seed)
    cell = random_cell(rng, 5, 300)
    hkl = rng.integers(1, 20, (10, 3)) * rng.choice([-1, 1], (10, 3))
    spacing = 1 / np.linalg.norm(hkl @ cell.reciprocal.T, axis=1)
    np.testing.assert_allclose(spacing, to_gemmi(cell).calculate_d_array(hkl), rtol=1e-6)


@given(SEEDS, st.sampled_from(CRYSTAL_SYSTEMS))
def test_random_cell_has_the_symmetry_of_its_crystal_system(seed: int, system: str):
    cell = random_cell(np.random.default_rng(seed), 20, 300, system)
    assert to_gemmi(cell).is_compatible_with_spacegroup(gemmi.SpaceGroup(LATTICES[system]))
    assert cell.centring in CENTRINGS[system]
    assert min(cell.lengths) >= 20
    assert max(cell.lengths) <= 300
    assert max(cell.lengths) <= 4 * min(cell.lengths)
    assert cell.volume > 0


def test_every_crystal_system_is_drawn():
    rng = np.random.default_rng(0)
    drawn = [to_gemmi(random_cell(rng, 20, 300)) for _ in range(200)]
    cubic = [c for c in drawn if c.is_compatible_with_spacegroup(gemmi.SpaceGroup("P m -3 m"))]
    oblique = [c for c in drawn if c.alpha != 90]
    six_fold = [c for c in drawn if c.gamma == pytest.approx(120)]
    assert min(len(cubic), len(oblique), len(six_fold)) > 10


@pytest.mark.parametrize("centring", GROUPS)
def test_centring_absences_are_those_of_gemmi(centring: str):
    hkl = np.stack(np.meshgrid(*[np.arange(-6, 7)] * 3), -1).reshape(-1, 3)
    operations = gemmi.SpaceGroup(GROUPS[centring]).operations()
    absent = [operations.is_systematically_absent(index.tolist()) for index in hkl]
    present = Cell(10, 10, 10, centring=centring).present(hkl)
    np.testing.assert_array_equal(present, ~np.array(absent))


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="P, C, I, F, R"):
        Cell(1, 1, 1, centring="X").present(np.zeros((1, 3), int))
    with pytest.raises(ConfigError, match="cubic"):
        random_cell(np.random.default_rng(0), 20, 300, "round")


@given(SEEDS)
def test_random_rotation_turns_and_does_not_mirror(seed: int):
    turn = random_rotation(np.random.default_rng(seed))
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1.0)


def test_random_rotations_are_uniform():
    rng = np.random.default_rng(1)
    turns = np.array([random_rotation(rng) for _ in range(3000)])
    # A turned axis is uniform on the sphere: each of its coordinates is uniform in [-1, 1].
    for value in turns.reshape(-1, 9).T:
        assert stats.kstest(value, stats.uniform(-1, 2).cdf).pvalue > 1e-4
    # Of a uniform rotation the angle has the density (1 - cos angle) / pi, so its trace is 0 on average.
    assert abs(np.trace(turns, axis1=1, axis2=2).mean()) < 4 / np.sqrt(len(turns))
