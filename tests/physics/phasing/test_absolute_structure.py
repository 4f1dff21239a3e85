"""The hand of a crystal from simulated Friedel pairs, and the inversion of structures in all groups."""

import json
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec

import gemmi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_crystals import orthogonalisation, random_atoms, unique_sphere

from argand.physics.crystal.atom import structure_factors
from argand.physics.crystal.hand import has_centre, inversion_shift, inverted
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.absolute_structure import (
    Flack,
    FriedelPairs,
    anomalous_structure_factors,
    dispersion,
    flack,
    flack_of,
    friedel_pairs,
)

CU = 1.54184
CELLS = {"P 21 21 21": (7.1, 8.3, 11.2, 90.0, 90.0, 90.0), "P 21": (6.9, 8.1, 9.4, 90.0, 103.0, 90.0)}
CELLS |= {"P 41": (7.3, 7.3, 9.1, 90.0, 90.0, 90.0), "F d d 2": (14.0, 15.0, 8.0, 90.0, 90.0, 90.0)}


def simulated(name: str, heavy: str, share: float = 0.0, seed: int = 7, wavelength: float = CU):
    """Group, cell, atoms, and noisy intensities of both mates of a crystal with `share` of the other hand."""
    group, cell = Group.from_name(name), orthogonalisation(CELLS[name])
    atoms = random_atoms(group, cell, (heavy, "C", "C", "N", "O", "C", "C"), seed)
    half = unique_sphere(group, cell, 0.84)
    hkl = np.vstack([half, -half])
    corrections = dispersion(atoms.elements, wavelength)
    own, other = (
        np.abs(anomalous_structure_factors(atoms, mates, group, cell, corrections)) ** 2
        for mates in (hkl, -hkl)
    )
    intensity = (1 - share) * own + share * other
    sigma = 0.01 * intensity + 0.002 * intensity.mean()
    noisy = intensity + np.random.default_rng(seed).normal(0, sigma)
    return group, cell, atoms, (hkl, noisy, sigma)


@pytest.mark.parametrize("name", ["P 21 21 21", "P 21"])
@pytest.mark.parametrize("heavy", ["S", "Cl"])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_x_is_the_share_of_the_other_hand(name: str, heavy: str, share: float):
    # Other atoms and other noise in each case.
    seed = [*CELLS].index(name) + 10 * int(10 * share) + 1000 * len(heavy)
    group, cell, atoms, data = simulated(name, heavy, share, seed)
    found = flack_of(atoms, friedel_pairs(*data, group), group, cell, CU)
    assert found is not None
    assert abs(found.x - share) < 2 * found.uncertainty
    assert found.uncertainty < 0.05
    assert found.is_wrong_hand == (share > 0.5)
    assert found.is_twin == (share == 0.3)


@pytest.mark.parametrize("name", list(CELLS))
def test_the_inverted_structure_has_one_less_x(name: str):
    group, cell, atoms, data = simulated(name, "S")
    pairs = friedel_pairs(*data, group)
    other, other_group = inverted(atoms, group)
    right, wrong = flack_of(atoms, pairs, group, cell, CU), flack_of(other, pairs, other_group, cell, CU)
    assert right is not None
    assert wrong is not None
    assert wrong.x == pytest.approx(1 - right.x, abs=1e-6)
    assert wrong.x == pytest.approx(right.inverted.x, abs=1e-6)
    assert wrong.is_wrong_hand


def test_the_uncertainty_covers_the_error():
    """Over many draws of the noise, x lies as far off as its uncertainty says."""
    off = []
    for seed in range(20):
        group, cell, atoms, data = simulated("P 21", "S", seed=seed)
        found = flack_of(atoms, friedel_pairs(*data, group), group, cell, CU)
        assert found is not None
        off.append(found.x / found.uncertainty)
    assert 0.6 < np.std(off) < 1.5
    assert abs(np.mean(off)) < 0.6


def test_pairs_are_merged_in_the_point_group_but_never_with_their_mates():
    group, cell, atoms, (hkl, intensity, sigma) = simulated("P 21 21 21", "S")
    turned = hkl * np.array([1, -1, -1])
    twice = np.vstack([hkl, turned])
    pairs = friedel_pairs(twice, np.tile(intensity, 2), np.tile(sigma, 2), group)
    once = friedel_pairs(hkl, intensity, sigma, group)
    assert np.array_equal(pairs.hkl, once.hkl)
    np.testing.assert_allclose(pairs.plus, once.plus)
    np.testing.assert_allclose(pairs.plus_sigma, once.plus_sigma / np.sqrt(2))
    assert (np.abs(once.hkl) > 0).all()  # hk0 and its like are centric in 222
    assert (
        len(friedel_pairs(hkl[: len(hkl) // 2], *(x[: len(hkl) // 2] for x in (intensity, sigma)), group))
        == 0
    )
    exact = (
        np.abs(anomalous_structure_factors(atoms, once.hkl, group, cell, dispersion(atoms.elements, CU))) ** 2
    )
    assert np.corrcoef(once.plus, exact)[0, 1] > 0.999


def test_mirrors_make_mates_equal_and_the_absolute_structure_stays():
    """In P n a 21 the mirror joins h k l and -h k l: hk0 alone is centric."""
    group = Group.from_name("P n a 21")
    hkl = np.array([[1, 2, 3], [-1, -2, -3], [-1, 2, 3], [1, 2, -3], [2, 2, 0], [-2, -2, 0]])
    pairs = friedel_pairs(hkl, np.array([4.0, 2.0, 4.0, 2.0, 1.0, 1.0]), np.ones(6), group)
    assert len(pairs) == 1
    assert {float(pairs.plus[0]), float(pairs.minus[0])} == {4.0, 2.0}


def test_a_weak_signal_names_no_hand():
    group, cell, atoms, data = simulated("P 21", "O", wavelength=0.71073)
    found = flack_of(atoms, friedel_pairs(*data, group), group, cell, 0.71073)
    assert found is not None
    assert found.uncertainty > 0.1
    assert not found.is_clear
    assert not found.is_wrong_hand
    sulphur = simulated("P 21", "S")
    impossible = flack_of(sulphur[2], friedel_pairs(*sulphur[3], group), group, cell, 0.3)
    assert impossible is not None
    assert impossible.x < -1
    assert not impossible.is_clear
    few = friedel_pairs(*(part[:8] for part in data), group)
    assert len(few) == 0
    assert flack_of(atoms, few, group, cell, CU) is None


def test_one_badly_measured_mate_decides_nothing():
    group, cell, atoms, (hkl, intensity, sigma) = simulated("P 21", "S")
    spoilt = intensity.copy()
    strong = np.argsort(-intensity)[:5]
    spoilt[strong] *= 3
    found = flack_of(atoms, friedel_pairs(hkl, spoilt, sigma, group), group, cell, CU)
    assert found is not None
    assert abs(found.x) < 3 * found.uncertainty


@given(st.floats(-0.5, 1.5))
def test_exact_quotients_give_x_exactly(x: float):
    rng = np.random.default_rng(1)
    mean, part = rng.uniform(50, 90, 40), rng.uniform(-5, 5, 40)
    plus, minus = mean + (1 - 2 * x) * part, mean - (1 - 2 * x) * part
    pairs = FriedelPairs(rng.integers(1, 9, (40, 3)), plus, np.ones(40), minus, np.ones(40))
    found = flack(pairs, mean + part, mean - part)
    assert found is not None
    assert found.x == pytest.approx(x, abs=1e-9)
    assert Flack(0.2, 0.1, 9).inverted == Flack(0.8, 0.1, 9)


def test_the_quotients_sigma_is_the_errors_propagated():
    """With one pair n times over, σ(x) = σ(Q) / (2 |Q_calc| √n)."""
    one = np.ones(50)
    pairs = FriedelPairs(np.ones((50, 3), int), 110 * one, 2 * one, 90 * one, 3 * one)
    found = flack(pairs, 110 * one, 90 * one)
    assert found is not None
    sigma = np.hypot(2 * 90 * 2 / 200**2, 2 * 110 * 3 / 200**2)
    assert found.uncertainty == pytest.approx(sigma / (2 * 0.1 * np.sqrt(50)))


def test_without_corrections_structure_factors_are_the_usual_ones():
    group, cell, atoms, (hkl, _, _) = simulated("P 21", "S")
    none = dict.fromkeys(set(atoms.elements), 0j)
    plain = structure_factors(atoms, hkl[:50], group, cell)
    assert anomalous_structure_factors(atoms, hkl[:50], group, cell, none) == pytest.approx(plain, abs=1e-3)


CCTBX = """
import json, sys
from cctbx import crystal, miller, xray
from cctbx.array_family import flex
told = json.load(sys.stdin)
symmetry = crystal.symmetry(unit_cell=told["cell"], space_group_symbol=told["group"])
model = xray.structure(crystal_symmetry=symmetry)
for element, place, u_iso, fp, fdp in told["atoms"]:
    model.add_scatterer(xray.scatterer(element, place, u_iso, 1.0, element, fp, fdp))
model.scattering_type_registry(table="it1992")
asked = miller.set(symmetry, flex.miller_index(map(tuple, told["hkl"])), anomalous_flag=True)
factors = asked.structure_factors_from_scatterers(model, algorithm="direct").f_calc().data()
print(json.dumps([[f.real, f.imag] for f in factors]))
"""


def test_anomalous_structure_factors_agree_with_cctbx():
    if find_spec("cctbx") is None:
        pytest.skip("cctbx is not installed")
    group, cell, atoms, (hkl, _, _) = simulated("P 21 21 21", "Cl")
    corrections = dispersion(atoms.elements, CU)
    rows = zip(atoms.elements, atoms.frac.tolist(), atoms.u_iso.tolist(), strict=True)
    told = [[e, x, u, corrections[e].real, corrections[e].imag] for e, x, u in rows]
    chosen = hkl[::20]
    question = {"cell": CELLS[group.name], "group": group.name, "atoms": told, "hkl": chosen.tolist()}
    # In a process of its own: cctbx does not bear pytest's fault handler.
    answer = subprocess.run(
        [sys.executable, "-c", CCTBX], input=json.dumps(question), capture_output=True, text=True, check=True
    )
    theirs = np.array(json.loads(answer.stdout)) @ (1, 1j)
    ours = anomalous_structure_factors(atoms, chosen, group, cell, corrections)
    assert np.abs(ours - theirs).max() < 2e-3 * np.abs(theirs).max()


def test_dispersion_is_that_of_the_tables():
    """Iron and chlorine at Cu Kα (International Tables C, table 4.2.6.8), nearly."""
    found = dispersion(("Fe", "Cl", "H"), 1.5418)
    assert found["Fe"] == pytest.approx(-1.134 + 3.197j, abs=0.05)
    assert found["Cl"] == pytest.approx(0.364 + 0.702j, abs=0.02)
    assert found["H"] == 0


@pytest.mark.parametrize("known", list(gemmi.spacegroup_table_itb()), ids=lambda known: known.xhm())
def test_inversion_in_every_group_keeps_intensities_and_leads_back(known: gemmi.SpaceGroup):
    group = Group.from_operations(known.operations(), known.xhm())
    assert has_centre(group) == known.is_centrosymmetric()
    cell = orthogonalisation((6.0, 6.0, 6.0, 90.0, 90.0, 90.0))
    frac = np.random.default_rng(0).random((3, 3))
    atoms = replace(random_atoms(Group.from_name("P 1"), cell, ("C", "N", "O")), frac=frac)
    other, other_group = inverted(atoms, group)
    assert (inversion_shift(group) is None) == known.is_enantiomorphic()
    assert (other_group.name != group.name) == known.is_enantiomorphic()
    assert gemmi.find_spacegroup_by_name(other_group.name).operations() == other_group._operations()
    hkl = np.array([[1, 2, 3], [2, -1, 4], [-3, 1, 2], [2, 2, 4]])
    before, after = (structure_factors(a, hkl, g, cell) for a, g in ((atoms, group), (other, other_group)))
    assert np.abs(after) == pytest.approx(np.abs(before), abs=2e-3)
    again, first_group = inverted(other, other_group)
    assert first_group.name == group.name
    apart = again.frac - atoms.frac
    assert apart == pytest.approx(np.rint(apart), abs=1e-9)
