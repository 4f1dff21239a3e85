import json
from dataclasses import dataclass

import gemmi
import numpy as np
import pytest
from patterson_truth import allowed_origins, compare, true_atoms
from synthetic_crystals import MONOCLINIC, measured, orthogonalisation, random_atoms
from typer.testing import CliRunner

from argand.cli import build
from argand.crew import Machines
from argand.errors import InputError
from argand.io.reflections import MeasuredIntensities, read_reflections
from argand.physics.crystal.atom import structure_factors
from argand.physics.crystal.molecular_crystal import MoleculeSet, random_crystal
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.dual_space import Amplitudes, Search, recipe_for
from argand.systems.patterson.solution.file_search import network_for
from argand.systems.patterson.solution.parallel_search import ParallelSearch
from argand.systems.patterson.solution.reflections import prepare
from argand.systems.patterson.solution.solve import solve
from argand.systems.patterson.solution.structure_search import ITERATION, NETWORK, StructureSearch

CELL = orthogonalisation(MONOCLINIC)


@pytest.fixture(scope="module")
def simulated() -> tuple[MeasuredIntensities, Group]:
    group = Group.from_name("P 21/c")
    atoms = random_atoms(group, CELL, ("O", "C", "C", "C", "N", "C", "C"), seed=1)
    data = measured(group, CELL, atoms, 0.9)
    return MeasuredIntensities("simulated", data.hkl, data.intensity, data.sigma, MONOCLINIC), group


LIMIT_S = 60.0


@dataclass
class Ticking:
    """A clock that goes on by 0.1 s at each look, so that the same is tried on any machine."""

    seconds: float = 0.0

    def __call__(self) -> float:
        self.seconds += 0.1
        return self.seconds


def hklf4(found: MeasuredIntensities) -> str:
    factor = 9999 / found.intensity.max()
    rows = zip(found.hkl.tolist(), found.intensity * factor, found.sigma * factor, strict=True)
    return "".join(f"{h:4d}{k:4d}{el:4d}{i:8.2f}{max(s, 0.01):8.2f}\n" for (h, k, el), i, s in rows)


def test_a_simulated_crystal_is_solved(simulated):
    found, group = simulated
    solution = solve(prepare(found, spacegroup="P 21/c", formula="C5 N O", units=4), LIMIT_S, clock=Ticking())
    assert solution.trusted
    assert solution.model.r1 < 0.1
    truth = random_atoms(group, CELL, ("O", "C", "C", "C", "N", "C", "C"), seed=1)
    match = compare(solution.model.atoms, truth, np.ones(7), group, CELL)
    assert match.solved
    assert match.mean_error < 0.05
    assert sorted(solution.model.atoms.elements) == sorted(truth.elements)


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("P 1", (5.6, 6.3, 7.1, 85, 95, 103)),
        ("C 2", (14.2, 5.9, 7.7, 90, 101, 90)),
        ("P 31", (7.1, 7.1, 8.3, 90, 90, 120)),
        ("P -4 21 c", (7.4, 7.4, 8.1, 90, 90, 90)),
    ],
)
def test_other_symmetries_are_solved(name, cell):
    group, axes = Group.from_name(name), orthogonalisation(cell)
    truth = random_atoms(group, axes, ("O", "C", "C", "N", "C"), seed=5)
    data = measured(group, axes, truth, 0.9)
    found = MeasuredIntensities("simulated", data.hkl, data.intensity, data.sigma, tuple(map(float, cell)))
    crystal = prepare(found, None, name, "O C3 N", units=float(group.order))
    solution = solve(crystal, LIMIT_S, clock=Ticking())
    assert solution.trusted
    assert compare(solution.model.atoms, truth, np.ones(5), group, axes).solved


def test_the_same_seed_gives_the_same_atoms(simulated):
    found, _ = simulated
    crystal = prepare(found, spacegroup="P 21/c", formula="C5 N O", units=4)
    first, second = (solve(crystal, LIMIT_S, seed=3, clock=Ticking()) for _ in range(2))
    assert np.array_equal(first.model.atoms.frac, second.model.atoms.frac)


def test_tries_do_not_depend_on_how_many_processes_make_them(simulated):
    found, group = simulated
    size = np.sqrt(found.intensity)
    search = Search(Amplitudes(found.hkl, size / size.mean(), size), group, CELL, recipe_for(0.9))
    alone, together = (ParallelSearch((search,), 7, seed=2, machines=Machines(count)) for count in (1, 2))
    try:
        for _ in range(5):
            assert np.array_equal(alone.next().calculated, together.next().calculated)
    finally:
        together.close()


def test_noise_is_not_called_solved(simulated):
    found, _ = simulated
    shuffled = np.random.default_rng(0).permutation(found.intensity)
    noise = MeasuredIntensities("noise", found.hkl, shuffled, found.sigma, MONOCLINIC)
    assert not solve(prepare(noise, spacegroup="P 21/c"), 1.0, clock=Ticking()).trusted


def test_the_command_writes_what_it_says_and_overwrites_nothing(simulated, tmp_path):
    (tmp_path / "a.hkl").write_text(hklf4(simulated[0]))
    app = build({"patterson": "argand.systems.patterson"})
    cell = ",".join(map(str, MONOCLINIC))
    call = ["patterson", "solve", str(tmp_path / "a.hkl"), "--cell", cell, "--spacegroup", "P 21/c"]
    call += [
        "--formula",
        "C5NO",
        "--units",
        "4",
        "--time-limit",
        "600",
        "--out",
        str(tmp_path / "out"),
        "--json",
    ]
    result = CliRunner().invoke(app, call)
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    wanted = {
        "trusted",
        "reason",
        "solved",
        "schema_version",
        "formula",
        "r1",
        "n_atoms",
        "spacegroup",
        "d_min",
        "path",
        "seconds",
        "files",
    }
    assert wanted <= set(summary)
    assert summary["n_atoms"] == 7
    structure = gemmi.read_small_structure(summary["files"]["cif"])
    assert len(structure.sites) == 7
    for path in summary["files"].values():
        assert (tmp_path / "out" / path.rsplit("/", 1)[-1]).stat().st_size > 0
    again = CliRunner().invoke(app, call)
    assert again.exit_code == 1
    assert "--force" in again.output
    assert CliRunner().invoke(app, [*call, "--force"]).exit_code == 0


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"cell": None}, "no cell"),
        ({"spacegroup": None}, "no space group"),
        ({"spacegroup": "P 4"}, "contradicts"),
        ({"d_min": 9.0}, "lower --d-min"),
    ],
)
def test_what_does_not_fit_is_told(simulated, stated, message):
    found, _ = simulated
    arguments = {"cell": MONOCLINIC, "spacegroup": "P 21/c"} | stated
    bare = MeasuredIntensities("a.hkl", found.hkl, found.intensity, found.sigma)
    with pytest.raises(InputError, match=message):
        prepare(bare, **arguments)


def test_equivalents_that_disagree_and_missing_reflections_are_told(simulated):
    found, _ = simulated
    doubled = np.vstack([found.hkl, -found.hkl])
    rng = np.random.default_rng(0)
    values = np.concatenate([found.intensity, rng.permutation(found.intensity)])
    wrong = MeasuredIntensities("a.hkl", doubled, values, np.ones(len(values)), MONOCLINIC)
    assert "disagree" in prepare(wrong, spacegroup="P 21/c").notes[0]
    few = MeasuredIntensities("a.hkl", found.hkl[::3], found.intensity[::3], found.sigma[::3], MONOCLINIC)
    assert "unlikely" in prepare(few, spacegroup="P 21/c").notes[0]


def test_agreement_of_equivalents_is_told_where_there_are_any(simulated, tmp_path):
    found, _ = simulated
    apart = np.random.default_rng(0).normal(0, 0.05 * found.intensity, (2, len(found.hkl)))
    twice = (found.intensity + apart).ravel()
    hkl, sigma = np.vstack([found.hkl, -found.hkl]), np.tile(0.05 * found.intensity + 0.01, 2)
    unmerged = MeasuredIntensities("a.hkl", hkl, twice, sigma, MONOCLINIC)
    (tmp_path / "a.hkl").write_text(hklf4(unmerged))
    app = build({"patterson": "argand.systems.patterson"})
    call = ["patterson", "solve", str(tmp_path / "a.hkl"), "--cell", ",".join(map(str, MONOCLINIC))]
    call += ["--spacegroup", "P 21/c", "--formula", "C5NO", "--units", "4", "--out", str(tmp_path / "out")]
    told = CliRunner().invoke(app, call).output
    summary = json.loads((tmp_path / "out" / "a.json").read_text())
    first, second = read_reflections(tmp_path / "a.hkl").intensity.reshape(2, -1)
    # Of two equivalents of equal sigma, each is half of their difference from the mean.
    r_meas = np.sqrt(2) * np.abs(first - second).sum() / np.abs(first + second).sum()
    assert summary["r_meas"] == pytest.approx(r_meas, abs=1e-4)
    assert summary["cc_half"] == pytest.approx(np.corrcoef(first, second)[0, 1], abs=0.002)
    assert f"R_meas {summary['r_meas']:.3f}, CC1/2 {summary['cc_half']:.3f}" in told
    assert "R_meas of equivalents" in (tmp_path / "out" / "index.html").read_text()


def test_where_each_reflection_was_given_once_no_agreement_is_told(simulated):
    crystal = prepare(simulated[0], spacegroup="P 21/c")
    assert (crystal.r_meas, crystal.cc_half) == (None, None)


def test_origins_that_a_group_allows():
    assert len(allowed_origins(Group.from_name("P -1"))) == 8
    assert len(allowed_origins(Group.from_name("P 21"))) == 4
    assert len(allowed_origins(Group.from_name("P 1"))) == 1
    assert len(allowed_origins(Group.from_name("F m -3 m"))) == 8
    assert not allowed_origins(Group.from_name("P 41"), -1)
    assert allowed_origins(Group.from_name("F d d 2"), -1)


@pytest.mark.parametrize("name", ["P 21", "P 1", "P 21/c", "P 21 21 21"])
def test_a_moved_and_inverted_truth_is_recognised(name):
    group, cell = Group.from_name(name), np.diag([7.0, 8.0, 9.0])
    truth = random_atoms(group, cell, ("C",) * 5)
    slide = np.where(group.polar_axes(), 0.123, 0.0)
    moved = type(truth)(
        truth.elements, -truth.frac + allowed_origins(group)[-1] + slide, truth.u_iso, truth.occupancy
    )
    match = compare(moved, truth, np.ones(5), group, cell)
    assert (match.found, match.false) == (1, 0)
    assert match.mean_error < 1e-6


@pytest.mark.parametrize(
    ("name", "formula"), [("cod_2016452", None), ("l_cysteine", "C3H7NO2S"), ("caf2", "CaF2")]
)
def test_measured_crystals_are_solved(name, formula, shared_data):
    folder = shared_data / "patterson"
    structure = gemmi.read_small_structure(str(folder / f"{name}.cif"))
    truth, chemical = true_atoms(structure)
    cell = structure.cell.parameters
    crystal = prepare(
        read_reflections(folder / f"{name}.hkl.gz"), cell, structure.spacegroup_hm, formula, 0.8
    )
    solution = solve(crystal, LIMIT_S, clock=Ticking())
    assert solution.trusted
    assert compare(solution.model.atoms, truth, chemical, crystal.group, crystal.orthogonalisation).solved


def test_the_network_is_asked_for_coarse_data_alone(simulated):
    found, _ = simulated
    fine, coarse = (
        prepare(found, spacegroup="P 21/c", formula="C5 N O", units=4, d_min=d) for d in (None, 1.2)
    )
    assert network_for(fine, wanted=True) is None
    assert network_for(coarse, wanted=False) is None
    network = network_for(coarse, wanted=True)
    assert network is not None
    assert StructureSearch(fine, recipe_for(0.9), 0, network=network).sharpener is None
    hunt = StructureSearch(coarse, recipe_for(1.2), 0, network=network)
    assert hunt.sharpener is not None


@pytest.mark.parametrize("asked", [True, False])
def test_a_broken_model_is_completed(asked):
    """A model without a third of its atoms is built again, with the network and without, and R1 falls."""
    crystal = random_crystal(MoleculeSet(volume=(500.0, 600.0), heavy=0.0), np.random.default_rng(13))
    group, cell = crystal.group, crystal.orthogonalisation
    data = measured(group, cell, crystal.atoms, 1.4)
    edges = np.linalg.norm(cell, axis=0)
    cosines = (cell.T @ cell / np.outer(edges, edges))[[1, 0, 0], [2, 2, 1]]
    stated = (*edges, *np.degrees(np.arccos(cosines)))
    reflections = MeasuredIntensities("simulated", data.hkl, data.intensity, data.sigma, stated)
    names = crystal.atoms.elements
    formula = " ".join(f"{name}{names.count(name)}" for name in sorted(set(names)))
    question = prepare(reflections, spacegroup=group.name, formula=formula, units=group.order)
    hunt = StructureSearch(question, recipe_for(1.4), 0, network=network_for(question, asked))
    part = crystal.atoms.take(np.arange(len(names))[len(names) // 3 :])
    grid = hunt.search.symmetric.grid
    factors = structure_factors(part, grid.hkl, group, grid.orthogonalisation).astype(np.complex64)
    hunt.best = hunt.builder.first(hunt.search.symmetric.weighted(factors))
    assert hunt.best.r1 > 0.3
    hunt._omit()
    assert hunt.best.r1 < 0.1
    assert hunt.path == (NETWORK if asked else ITERATION)
