import json
from dataclasses import dataclass

import numpy as np
import pytest
from synthetic_crystals import MONOCLINIC, orthogonalisation, random_atoms
from typer.testing import CliRunner

from argand.cli import build
from argand.errors import InputError
from argand.io.reflections import MeasuredIntensities
from argand.physics.crystal.atom import structure_factors
from argand.physics.crystal.symmetry import Group, half_sphere
from argand.systems.patterson.solution.found_group import FoundGroup
from argand.systems.patterson.solution.solve import solve
from argand.systems.patterson.solution.solve_file import solve_file
from argand.systems.patterson.solution.space_group_search import find_space_group

ORTHORHOMBIC = (7.1, 8.3, 9.2, 90.0, 90.0, 90.0)
ELEMENTS = ("O", "C", "C", "N", "C")
LIMIT_S = 10.0


@dataclass
class Ticking:
    """A clock that goes on by 0.05 s at each look, so that the same is tried on any machine."""

    seconds: float = 0.0

    def __call__(self) -> float:
        self.seconds += 0.05
        return self.seconds


def hklf4(measured: MeasuredIntensities) -> str:
    factor = 9999 / measured.intensity.max()
    rows = zip(measured.hkl.tolist(), measured.intensity * factor, measured.sigma * factor, strict=True)
    return "".join(f"{h:4d}{k:4d}{el:4d}{i:8.2f}{max(s, 0.01):8.2f}\n" for (h, k, el), i, s in rows)


def unmerged(name: str, cell: tuple[float, ...], d_min: float = 0.85) -> MeasuredIntensities:
    """A random structure's intensities in the whole sphere, those that the group forbids too, with noise."""
    group, axes = Group.from_name(name), orthogonalisation(cell)
    atoms = random_atoms(group, axes, ELEMENTS, seed=5)
    hkl = half_sphere(axes, d_min)
    hkl = hkl[~group.lattice.absent(hkl)]
    hkl = np.unique(np.concatenate([hkl, -hkl]), axis=0)
    true = np.abs(structure_factors(atoms, hkl, group, axes)) ** 2
    sigma = 0.02 * (true + 0.2 * true.mean())
    intensity = true + sigma * np.random.default_rng(0).normal(size=len(hkl))
    return MeasuredIntensities("simulated.hkl", hkl, intensity, sigma, tuple(map(float, cell)))


def found_in(measured: MeasuredIntensities, **asked) -> FoundGroup:
    return find_space_group(measured, time_limit=LIMIT_S, clock=Ticking(), **asked)


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("P 1", (4.2, 4.9, 5.1, 85, 95, 103)),
        ("P -1", (5.1, 6.1, 6.6, 85, 95, 103)),
        ("P 1 21/n 1", MONOCLINIC),
        ("P 1 21 1", (5.1, 6.2, 6.6, 90, 104, 90)),
        ("P 21 21 21", ORTHORHOMBIC),
        ("C 1 2/c 1", (14.2, 6.9, 8.7, 90, 101, 90)),
    ],
)
def test_the_space_group_of_simulated_intensities_is_found(name, cell):
    found = found_in(unmerged(name, cell))
    assert found.crystal.group.name == name
    assert found.search.verdict.trusted
    row = found.rows[0]
    assert (row.spacegroup, row.chosen, row.trusted) == (name, True, True)
    assert row.r1 == found.search.best.r1 < 0.15
    assert row.weakest > 0.4
    assert sum(one.chosen for one in found.rows) == 1


def test_the_hand_that_intensities_do_not_tell_is_told():
    found = found_in(unmerged("P 41", (7.1, 7.1, 8.3, 90, 90, 90)))
    row = found.rows[0]
    assert {row.spacegroup, row.other_hand} == {"P 41", "P 43"}
    assert not {"P 41", "P 43"} & {one.spacegroup for one in found.rows[1:]}
    assert any("hand" in note for note in found.crystal.notes)


def test_the_search_stays_in_the_laue_class_that_was_asked_for():
    measured = unmerged("P 21 21 21", ORTHORHOMBIC)
    found = found_in(measured, laue="2/m")
    assert found.laue.startswith("2/m")
    assert found.crystal.group.order == 2
    with pytest.raises(InputError, match="those that do"):
        found_in(measured, laue="-3")


def test_what_is_solved_from_a_file_says_how_the_group_was_found(tmp_path):
    measured = unmerged("P 1 21/c 1", MONOCLINIC)
    (tmp_path / "a.hkl").write_text(hklf4(measured))
    solution = solve_file(tmp_path / "a.hkl", cell=MONOCLINIC, time_limit=LIMIT_S)
    summary = solution.to_dict()
    assert solution.trusted
    assert (summary["spacegroup"], summary["spacegroup_found"]) == ("P 1 21/c 1", True)
    assert summary["laue"] == "2/m (b)"
    assert {"agrees": True, "laue": "2/m (b)"}.items() <= summary["laue_classes"][-1].items()
    assert summary["space_groups"][0]["absent"] > 20
    json.dumps(summary)
    stated = solve_file(tmp_path / "a.hkl", MONOCLINIC, "P 21/c", time_limit=LIMIT_S).to_dict()
    assert stated["spacegroup_found"] is False
    assert "space_groups" not in stated
    with pytest.raises(InputError, match="--laue"):
        solve_file(tmp_path / "a.hkl", MONOCLINIC, "P 21/c", laue="2/m")


def test_the_command_shows_the_table_of_groups(tmp_path):
    (tmp_path / "a.hkl").write_text(hklf4(unmerged("P 1 21/c 1", MONOCLINIC)))
    app = build({"patterson": "argand.systems.patterson"})
    call = ["patterson", "solve", str(tmp_path / "a.hkl"), "--cell", ",".join(map(str, MONOCLINIC))]
    call += ["--laue", "2/m", "--out", str(tmp_path / "out"), "--processes", "1"]
    result = CliRunner().invoke(app, call)
    assert result.exit_code == 0, result.output
    shown = next(line for line in result.output.splitlines() if line.startswith("P 1 21/c 1"))
    assert shown.rstrip().endswith("chosen")
    page = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert "<h2>Space groups</h2>" in page
    assert "P 1 21/c 1" in page
    kept = json.loads((tmp_path / "out" / "a.json").read_text())
    assert kept["space_groups"][0]["chosen"] is True


def test_a_search_goes_on_with_the_model_that_was_found():
    found = found_in(unmerged("P 1 21/n 1", MONOCLINIC))
    solution = solve(found.crystal, LIMIT_S, found=found)
    assert solution.trusted
    assert solution.attempts >= found.attempts
    assert solution.model.r1 <= found.rows[0].r1
