"""Distributions of one crystal and of twins, against Wilson's and Stanley's numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_crystals import measured, orthogonalisation, random_atoms, unique_sphere

from argand.physics.crystal.atom import structure_factors
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.intensity_statistics import (
    TWINNED,
    UNTWINNED,
    intensity_statistics,
    is_centric,
    lattice_rotations,
    laue_class,
    twin_laws,
    twin_warning,
)

CELLS = {
    "P 41": (9, 9, 12, 90, 90, 90),
    "P 4/n:1": (12, 12, 14, 90, 90, 90),
    "P 3": (9, 9, 12, 90, 90, 120),
    "R 3:H": (15, 15, 11, 90, 90, 120),
    "P 21": (7, 8, 9, 90, 90.1, 90),
    "P -1": (7, 8, 9, 90, 91, 90),
    "I 41/a:2": (12, 12, 14, 90, 90, 90),
}
ELEMENTS = ("O",) * 4 + ("N",) * 2 + ("C",) * 12


def wilson(name: str, seed: int, parts: int = 1) -> tuple:
    """Intensities drawn from Wilson's distribution, as means of `parts` crystals, and all beside."""
    group, cell = Group.from_name(name), orthogonalisation(CELLS[name])
    rng = np.random.default_rng(seed)
    hkl = unique_sphere(group, cell, 0.7)
    centric = is_centric(hkl, group)
    drawn = np.where(centric, rng.chisquare(1, (parts, len(hkl))), rng.exponential(1, (parts, len(hkl))))
    intensity = 100 * drawn.mean(0) * group.epsilon(hkl)
    return hkl, intensity, 0.02 * intensity + 0.01, group, cell


@pytest.mark.parametrize(("name", "kind"), [("P 41", "acentric"), ("P -1", "centric")])
@pytest.mark.parametrize(("parts", "expected"), [(1, UNTWINNED), (2, TWINNED)])
def test_moments_are_those_of_the_distributions(name, kind, parts, expected):
    """Of one crystal and of a perfect twin, whose intensities are means of two."""
    runs = [intensity_statistics(*wilson(name, seed, parts)) for seed in range(4)]
    assert {run.kind for run in runs} == {kind}
    assert np.mean([run.deviation for run in runs]) == pytest.approx(expected[kind][0], abs=0.02)
    assert np.mean([run.local for run in runs]) == pytest.approx(expected[kind][1], abs=0.02)
    assert {run.signs for run in runs} == {0 if parts == 1 else 2}


def test_the_tables_are_the_closed_forms():
    """E² exponential: ∫|z - 1| exp(-z) = 2/e; half of a χ² of four degrees: 4/e²; centric: 4/√(2πe)."""
    assert UNTWINNED["acentric"][0] == pytest.approx(2 / np.e, abs=1e-3)
    assert TWINNED["acentric"][0] == pytest.approx(4 / np.e**2, abs=1e-3)
    assert UNTWINNED["centric"][0] == pytest.approx(4 / np.sqrt(2 * np.pi * np.e), abs=1e-3)


def crystal(name: str, seed: int, part: float) -> tuple:
    """Merged intensities of a crystal of light atoms, of which `part` is turned by the first law."""
    group, cell = Group.from_name(name), orthogonalisation(CELLS[name])
    atoms = random_atoms(group, cell, ELEMENTS[: 18 if group.order < 8 else 9], seed)
    data = measured(group, cell, atoms, 0.95)
    turned = data.hkl @ lattice_rotations(group, cell)[0]
    other = 9 * np.abs(structure_factors(atoms, np.rint(turned).astype(int), group, cell)) ** 2
    intensity = (1 - part) * data.intensity + part * other
    return data.hkl, intensity, 0.02 * intensity + 0.01, group, cell


@pytest.mark.parametrize("name", CELLS)
def test_twins_are_named_and_single_crystals_are_not(name):
    for seed in range(2):
        assert twin_warning(*crystal(name, seed, 0.0)) is None
        told = twin_warning(*crystal(name, seed, 0.45))
        assert told is not None
        assert "merohedral twin" in told


@pytest.mark.parametrize(
    ("name", "laue"),
    [("P 41", "4/mmm"), ("R 3:H", "-3m"), ("P 21", "mmm"), ("P -1", "2/m"), ("I 41/a:2", "4/mmm")],
)
def test_the_law_and_its_agreement(name, laue):
    """Parts 1 - α and α leave 1 - 2α of the difference between reflections of a law."""
    hkl, single, _, group, cell = crystal(name, 0, 0.0)
    _, twin, *_ = crystal(name, 0, 0.4)
    first, second = (twin_laws(hkl, values, group, cell)[0] for values in (single, twin))
    assert (second.laue, first.laue) == (laue, laue)
    assert second.r == pytest.approx(0.2 * first.r, rel=0.05)


def test_triplets_tell_indices():
    hkl, intensity, _, group, cell = crystal("P 41", 0, 0.4)
    law = twin_laws(hkl, intensity, group, cell)[0]
    h = np.array([1, 2, 3]) @ law.rotation
    names = dict(zip("hkl", (1, 2, 3), strict=True))
    assert [eval(part, {}, names) for part in law.triplet.split(",")] == h.tolist()  # noqa: S307


@pytest.mark.parametrize(
    ("name", "count"), [("P 41", 1), ("P 4/n:1", 1), ("P 3", 3), ("R 3:H", 1), ("P 21", 1), ("P -1", 3)]
)
def test_each_law_is_listed_once(name, count):
    """Rotations of lattice over Laue class, less one: 8/4 - 1, 12/3 - 1, 6/3 - 1, 4/2 - 1, 4/1 - 1."""
    assert len(lattice_rotations(Group.from_name(name), orthogonalisation(CELLS[name]))) == count


def test_a_lattice_without_further_symmetry_has_no_law():
    for name in ("P 21 21 21", "F m -3 m", "P 6/m m m"):
        sides = (7, 7, 9) if "6" in name else (7, 7, 7) if "3 m" in name else (7, 8, 9)
        cell = orthogonalisation((*sides, 90, 90, 120 if "6" in name else 90))
        assert lattice_rotations(Group.from_name(name), cell) == []


@given(
    st.sampled_from(
        [f"{bravais} {rest}" for bravais in "PI" for rest in ("4", "2 2 2", "4/m m m", "2 3", "-1")]
    )
)
def test_laue_classes_are_gemmis(name):
    import gemmi

    group = Group.from_name(name)
    assert laue_class(list(group.rotations)) == gemmi.find_spacegroup_by_name(name).laue_str()


@given(st.integers(0, 10**6))
def test_the_statistics_do_not_depend_on_the_scale(seed):
    hkl, intensity, sigma, group, cell = wilson("P -1", seed)
    first, second = (intensity_statistics(hkl, f * intensity, f * sigma, group, cell) for f in (1.0, 1e4))
    assert (first.deviation, first.local) == pytest.approx((second.deviation, second.local))


def test_of_few_reflections_nothing_is_said():
    hkl, intensity, sigma, group, cell = (
        part[:50] if isinstance(part, np.ndarray) and len(part) > 3 else part for part in wilson("P 41", 0)
    )
    assert np.isnan(intensity_statistics(hkl, intensity, sigma, group, cell).deviation)
    assert twin_warning(hkl, intensity, sigma, group, cell) is None


def test_measured_crystals_raise_no_alarm(shared_data):
    """36 measured crystals, none of them known as a twin."""
    import gemmi

    from argand.io.reflections import read_reflections
    from argand.physics.phasing.merge import merge

    names = sorted((shared_data / "patterson").glob("*.hkl.gz"))
    assert len(names) > 10
    for path in names:
        structure = gemmi.read_small_structure(str(path).replace(".hkl.gz", ".cif"))
        group = Group.from_name(structure.spacegroup.xhm())
        found = read_reflections(path, beside=False)
        merged = merge(found.hkl, found.intensity, found.sigma, group)
        cell = np.array(structure.cell.orth.mat.tolist())
        assert twin_warning(merged.hkl, merged.intensity, merged.sigma, group, cell) is None, path.name
