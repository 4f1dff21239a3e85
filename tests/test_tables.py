"""The figures of README and docs/figures are those of the benchmarks' result files."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import typer

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import headlines
import summaries
import tables
from crystals_likeness_tables import formation_row, settings_row
from machine_tables import throughput_table
from patterson_crystal_tables import patterson_molecule_table

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
EMPTY = "before\n" + "".join(f"<!-- {n}:begin -->\n<!-- {n}:end -->\n" for n in tables.MARKS) + "after\n"


def errors(px: float, deg: float, count: int = 10) -> dict[str, float | int]:
    return {
        "count": count,
        "centre_mean_px": px,
        "centre_median_px": px,
        "centre_p90_px": px,
        "centre_axis_px": px,
        "tilt_count": count,
        "pitch_deg": deg,
        "yaw_deg": deg,
    }


def simulated(refined_px: float) -> dict:
    figures = {
        "network": errors(1.5, 0.6),
        "refined": errors(refined_px, 0.2),
        "answered": errors(0.02, 0.04, 8),
        "share_answered": 0.8,
        "calibration": {"far": 0.125, "rms": 1.25, "tilt_rms": None},
    }
    preset = {"preset": "standard", "full": True, "count": 10, "constant": errors(12.0, 1.5)}
    preset |= {"evidence": {"both": figures}}
    chosen = preset | {"evidence": {"both": figures | {"share_answered": 0.9}}}
    return {"report": [preset], "choose": [chosen]}


def real() -> dict:
    series = {
        "series": "thau_3_2",
        "images": 6,
        "unanswered": 1,
        "median_error_px": 0.4,
        "worst_error_px": 2.5,
        "scatter_px": 0.3,
        "pooled_error_px": 0.2,
        "pooled_sigma_px": 0.1,
        "truth_sigma_px": 1.0,
        "missed": "worst_error_px unanswered",
    }
    dials = {"images": 6, "answered": 4, "median_error_px": 6.2, "worst_error_px": 12.0}
    return {
        "goals": {"thau_3_2": {"unanswered": 0, "median_error_px": 1.0, "worst_error_px": 2.0}},
        "moonshots": {"thau_3_2": {"scatter_px": 0.2}},
        "series": [series],
        "dials": "DIALS 3.12",
        "methods": [{"series": "thau_3_2", "opponent": "dials"} | dials],
    }


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "geometry_simulated.json").write_text(json.dumps(simulated(0.123)))
    (folder / "geometry_real.json").write_text(json.dumps(real()))
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "README.md").write_text(EMPTY)
    return tmp_path


def test_the_figures_of_readme_and_pages_are_those_of_the_results() -> None:
    for path, text in tables.written(ROOT, RESULTS).items():
        assert path.is_file(), f"{path.name} is missing; run python benchmarks/tables.py"
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run python benchmarks/tables.py"


@pytest.mark.parametrize("name", ["README.md", "docs/figures/geometry.md"])
def test_a_figure_that_was_changed_by_hand_is_noticed(root: Path, results: Path, name: str) -> None:
    tables.main(root, results)
    tables.main(root, results, check=True)
    changed = root / name
    written = changed.read_text()
    assert "0.40 px" in written
    changed.write_text(written.replace("0.40 px", "0.41 px"))
    with pytest.raises(typer.Exit):
        tables.main(root, results, check=True)
    assert "0.41 px" in changed.read_text()
    tables.main(root, results)
    assert changed.read_text() == written


def test_what_stands_round_the_figures_of_the_readme_stays(root: Path, results: Path) -> None:
    tables.main(root, results)
    written = (root / "README.md").read_text()
    assert written.startswith("before\n")
    assert written.endswith("\nafter\n")


def test_goals_that_are_missed_are_named(results: Path) -> None:
    page = tables.page_text("geometry", results)
    assert "| ≤ 2 px | 2.50 px (goal missed) |" in page
    assert "5 of 6 (goal missed)" in page
    assert "| ≤ 1 px | 0.40 px |  | DIALS 6.2 |" in page  # in the summary, which has the column of choices
    assert "| ≤ 1 px | 0.40 px | DIALS 6.2 |" in page
    assert "stretch goal ≤ 0.2 px | 0.30 px (stretch goal not reached) |" in page
    assert "(goal missed)" not in tables.simulated_table(simulated(0.3))[1][0].measured
    assert "(goal missed)" in tables.simulated_table(simulated(0.31))[1][0].measured


def test_the_result_on_the_data_of_choices_stands_in_a_column_of_its_own(results: Path) -> None:
    _, (row, *_) = tables.simulated_table(simulated(0.123))
    assert (row.measured, row.chosen) == (
        "0.12 px; trusted 80 %: 0.02 px",
        "0.12 px; trusted 90 %: 0.02 px",
    )
    assert "| result | result on the data used for choices |" in tables.page_text("geometry", results)
    assert "used for choices" not in tables.as_markdown([replace(row, chosen="")])


def test_a_missing_result_is_one_line(root: Path, results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables.main(root, results)
    count = sum(len(page.tables) for page in tables.PAGES.values())
    assert capsys.readouterr().err.count("\n") == count - len(list(results.glob("*.json")))
    page = (root / "docs/figures/machines.md").read_text()
    assert "`benchmarks/geometry_speed.py`: not measured yet (no `geometry_speed.json`)." in page
    assert "not measured yet" in (root / "README.md").read_text()


@pytest.mark.parametrize(
    "text",
    [
        "none",
        "<!-- figures:end --> <!-- figures:begin -->",
        f"<!-- figures:begin -->{EMPTY}",
    ],
)
def test_a_readme_without_one_pair_of_marks_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="needs one line"):
        tables.with_part(text, "figures", "")


def test_every_page_begins_with_a_summary_of_about_a_dozen_rows():
    for name, page in tables.PAGES.items():
        reports = {r: report for r in page.tables if (report := tables.read(RESULTS, r, page)) is not None}
        rows = summaries.summary(name, reports)
        # a line whose row is gone from its table would be left out in silence
        assert len(rows) == len(summaries.SUMMARIES[name]), name
        assert 9 <= len(rows) <= 13, name


def test_every_result_is_shown():
    shown = {name for page in tables.PAGES.values() for name in page.tables}
    shown |= {table.beside for page in tables.PAGES.values() for table in page.tables.values()}
    assert {path.stem for path in RESULTS.glob("*.json")} <= shown


def test_the_benchmark_that_measures_a_table_is_there_and_explained():
    explained = (ROOT / "benchmarks/README.md").read_text(encoding="utf-8")
    for page in tables.PAGES.values():
        for name, table in page.tables.items():
            script = (table.command or f"{name}.py").split()[0]
            assert (ROOT / "benchmarks" / script).is_file(), script
            assert f"`{script}" in explained, script


def test_the_shape_of_a_fibril_is_compared_with_the_best_baseline_that_is_given_nothing():
    floors = [hard_row("phase retrieval", 1.0), hard_row("nearest pair", 4.0)]
    floors += [hard_row("turned class mean (class and rotation told)", 9.0)]
    ceiling = hard_row("measured amplitudes (true phases told)", 12.0)
    row = summaries.shape("1e4-photons", {"rows": [hard_row("network + fit", 6.0, False), *floors, ceiling]})
    assert row is not None
    assert row.measured == "24.5 dB, resolution 5.0 Å"
    assert row.others == "best baseline (nearest pair) 22.5 dB, ceiling (true phases given) 30.5 dB"
    report = {"rows": [hard_row("network + fit", 6.0, False), *floors]}
    assert "**24.5 dB**" in headlines.molmnist_headline({"molmnist_hard": report})


def test_a_headline_names_what_it_is_compared_with():
    assert headlines.geometry_headline({"geometry_real": real()}) == (
        "6 real stills of thaumatin: median error of the beam centre **0.40 px** (reference known to "
        "± 1 px); DIALS 3.12 6.2 px"
    )


def test_speed_of_several_processes_is_held_against_its_goal():
    row = {"verb": "patterson solve", "items": 20, "unit": "tries", "ahead": 1.79, "a_second": 21.5}
    row |= {"mib_each": 271.0, "mib_one": 341.0, "bytes": 18000, "here_ms": 1.5}
    report = {"processes": 2, "cores": 2, "processor": "P", "rows": [row, row | {"ahead": 1.8}]}
    _, (slow, fast) = throughput_table(report)
    assert (slow.where, slow.measured) == ("20 trials", "1.79 times one process (goal missed)")
    assert fast.measured == "1.80 times one process"


def test_molecules_that_are_trusted_although_wrong_are_counted():
    line = {"kind": "measured", "shape": "rigid", "d_min": 2.0, "solved": 6, "sets": 7, "claimed": 6}
    line |= {"wrong": 1, "median s": 1.0}
    _, (row,) = patterson_molecule_table({"limit_core_s": 10.0, "summary": [line]})
    assert row.measured == "solved 6 of 7; trusted 6, 1 of them wrong; 1.0 s"


def test_moves_of_both_halves_stand_in_their_columns():
    rows = [
        {
            "half": half,
            "change": "another origin",
            "by": by,
            "structures": 3,
            "median": value,
            "largest": 2 * value,
        }
        for half, value in (("choose", 0.5), ("report", 0.25))
        for by in ("as given", "canonical", "distance")
    ]
    row = settings_row("another origin", rows)
    assert (row.goal, row.measured) == ("0", "aligned 0.25 (0.50); number by number 0.25 (0.50)")
    assert row.chosen == "aligned 0.50 (1.00); number by number 0.50 (1.00)"


def test_patterson_rows_show_goals_and_other_methods():
    common = {"maps": "published", "count": 10, "matched": 99, "atoms": 100, "verified": 1.0}
    common |= {"wrongly_verified": 0, "tries": 1.0, "by": "network 10"}
    rows = [
        common | {"answer": "refined", "mean_voxel": 0.003, "solved": 0.9, "cpu_ms_per_map": 20.0},
        common | {"answer": "charge flipping", "mean_voxel": 0.02, "solved": 0.5, "cpu_ms_per_map": 900.0},
    ]
    _, (row,) = tables.patterson_table({"cores": 2, "torch_threads": 1, "rows": rows})
    assert (
        row.goal
        == "≥ 100 % of maps solved, mean error ≤ 0.014, ≤ 60 ms, 10 times faster than charge flipping"
    )
    assert row.measured.startswith("99 of 100 atoms, mean error 0.0030")
    assert "(goal missed: ≥ 100 % of maps solved)" in row.measured
    assert "charge flipping 50.0 % of maps solved, 900 ms" in row.others
    assert "4,994" in row.others


def test_a_corner_that_training_never_saw_is_held_against_the_others():
    common = {"answer": "refined", "count": 10, "atoms": 1000, "verified": 1.0, "wrongly_verified": 0}
    common |= {"mean_voxel": 0.003, "solved": 1.0, "cpu_ms_per_map": 20.0}
    empty = common | {"maps": "reserved corner empty", "matched": 1000}
    for matched, missed in ((992, False), (985, True)):
        filled = common | {"maps": "reserved corner filled", "matched": matched}
        _, (_, row) = tables.patterson_table({"cores": 2, "torch_threads": 1, "rows": [empty, filled]})
        assert row.goal == "atoms found within 1 percentage point of the empty corner"
        assert ("goal missed" in row.measured) == missed


def test_the_simulator_has_a_goal():
    pairs = {"pairs": "maps", "cpu_ms_per_pair": 8.0, "pairs_per_core_second": 125.0}
    report = {"cores": 2, "torch_threads": 1, "rows": [], "simulator": [pairs]}
    _, (row,) = tables.patterson_table(report)
    assert row.measured == "250 pairs/s on two cores (goal missed), 8.0 ms each"


def solved_rows(part: str, solved: int, of: int, **changed: object) -> list[dict]:
    row = {"part": part, "kind": "measured", "contents": "formula", "d_min": 1.2, "atoms": 10, "named": 1.0}
    row |= {"seconds": 0.5} | changed
    return [
        row | {"name": str(one), "solved": one < solved, "claimed": one < solved - 1} for one in range(of)
    ]


def test_crystals_of_both_halves_are_shown_beside_other_programs():
    coarse = solved_rows("report", 8, 10, named=0.96) + solved_rows("choose", 9, 10)
    untold = solved_rows("report", 0, 2, contents="nothing", d_min=2.0)
    rows = untold + coarse + solved_rows("report", 9, 10, kind="simulated")
    report = {"limit_core_s": 10.0, "sets": rows}
    assert "smtbx" not in tables.patterson_solver_table(report)[0]
    rival = {"opponent": "smtbx", "part": "report", "kind": "measured", "d_min": 1.2, "sets": 10}
    rival |= {"own": 2, "built": 3, "told": 4}
    other = rival | {"part": "choose", "own": 7}
    versions = {"smtbx": "1.0"}
    report["beside"] = {"limit_core_s": 5.0, "versions": versions, "summary": [rival, other]}
    caption, (measured, little, simulated) = tables.patterson_solver_table(report)
    assert "smtbx (cctbx-base 1.0) with the same data, space group and contents, 5 s" in caption
    assert measured.where == "data to 1.2 Å, formula given"
    assert measured.measured.startswith("solved 8 of 10; trusted 7, 0 of them wrong; elements 96.0 %; 0.5 s")
    assert measured.measured.endswith("(goal missed: ≥ 90 %, elements ≥ 97 %)")
    assert measured.chosen.startswith("solved 9 of 10; trusted 8, 0 of them wrong")
    assert measured.others == "smtbx: own 2, rebuilt 3 of 10"
    assert (little.goal, little.measured) == ("", "solved 0 of 2; trusted 0, 0 of them wrong")
    assert simulated.goal == "≥ 90 %, elements ≥ 97 %"
    assert "missed" not in simulated.measured
    assert (simulated.others, simulated.chosen) == ("", "")


def test_the_goal_at_full_resolution_is_for_crystals_of_up_to_sixty_atoms():
    large = solved_rows("report", 0, 1, d_min=0.84, atoms=61)
    small = solved_rows("report", 10, 10, d_min=0.84, atoms=60)
    _, (row,) = tables.patterson_solver_table({"limit_core_s": 10.0, "sets": small + large})
    assert row.goal == "≥ 98 % up to 60 atoms, elements ≥ 97 %"
    assert row.measured.startswith("solved 10 of 11 (up to 60 atoms 10 of 10); trusted 9")
    assert "missed" not in row.measured


def test_elements_that_are_called_uncertain_are_told_from_those_that_are_wrong():
    told = {"unsure": 2, "model_atoms": 10, "sure_named": 0.75}
    _, (row,) = tables.patterson_solver_table(
        {"limit_core_s": 1.0, "sets": solved_rows("report", 1, 1, **told)}
    )
    assert "20.0 % flagged uncertain, of the others 25.0 % wrong" in row.measured


def test_false_claims_are_counted():
    from patterson_counts import summarise

    wrong = solved_rows("report", 0, 1)[0] | {"claimed": True}
    (line,) = summarise([wrong, *solved_rows("report", 3, 3)])
    assert (line["solved"], line["claimed"], line["wrong"], line["right claimed"]) == (3, 3, 1, 2)


def test_space_groups_of_both_halves_are_shown():
    from patterson_space_group import summarise

    row = {"part": "report", "kind": "simulated", "contents": "formula", "d_min": 0.84, "seconds": 2.0}
    right = row | {"right": True, "solved": True, "claimed": True}
    rows = [right, right, row | {"right": False, "solved": True, "claimed": True}]
    rows += [row | {"right": False, "solved": False, "claimed": False}, right | {"part": "choose"}]
    report = {"limit_core_s": 10.0, "summary": summarise(rows)}
    _, (line,) = tables.patterson_space_group_table(report)
    assert line.measured == (
        "2 of 4; solved 3, of these in the correct group 2; trusted 3, in a wrong group 1; 2.0 s"
    )
    assert line.chosen.startswith("1 of 1")


@pytest.mark.parametrize(
    ("found", "wanted", "hand"),
    [
        ("P n n n :1", "P n n n :2", 1),
        ("P 41", "P 43", -1),
        ("R 3:H", "R 3:H", 1),
        ("P 61 2 2", "P 65 2 2", -1),
    ],
)
def test_a_structure_in_another_name_of_its_group_is_brought_beside_the_truth(
    found: str, wanted: str, hand: int
):
    from patterson_truth import in_setting, unnamed

    from argand.physics.crystal.symmetry import Group

    frac = np.array([[0.1, 0.23, 0.37]])
    old, new = Group.from_name(found), Group.from_name(wanted)
    moved = in_setting(unnamed(frac), old, new)
    assert moved is not None
    # Moved as one, the atoms of the whole cell are those that the other group makes of one.
    before = hand * old.images(frac).reshape(-1, 3) + moved.frac - hand * frac
    after = new.images(moved.frac).reshape(-1, 3)
    apart = before[:, None] - after[None]
    near = (np.abs(apart - np.rint(apart)) < 1e-9).all(-1)
    assert near.any(0).all()
    assert near.any(1).all()


@pytest.mark.parametrize(("found", "wanted"), [("P 41", "P 42"), ("P -1", "P 1"), ("P 1 21 1", "P 1 1 21")])
def test_a_structure_in_another_group_is_not(found: str, wanted: str):
    from patterson_truth import in_setting, unnamed

    from argand.physics.crystal.symmetry import Group

    groups = Group.from_name(found), Group.from_name(wanted)
    assert in_setting(unnamed(np.array([[0.1, 0.23, 0.37]])), *groups) is None


def test_every_setting_of_the_common_groups_counts():
    from patterson_network import summarise

    names = ("P-1", "P21/c", "P21/n", "P21/a", "C2/c")
    rows = [
        {"name": n, "group": n, "grade": "A", "d_min": 1.2, "solved": True, "claimed": True} for n in names
    ]
    rows = [row | {"network": False} for row in rows]
    rows = [row | {"r1": 0.1, "seconds": 1.0} for row in rows]
    (line,) = summarise(rows)
    assert line["P-1, P21/c"] == "4 of 4"
    assert line["solved"] == "5 of 5"


def test_other_programs_are_counted_in_each_way_also_where_they_gave_up():
    from patterson_opponents import summarise

    row = {"opponent": "smtbx", "part": "report", "kind": "measured", "d_min": 1.2, "name": "a"}
    right = row | {"own": False, "built": True, "told": True, "claimed": True}
    rows = [right, row | {"name": "b", "own": True, "built": True, "told": True, "claimed": True}]
    rows.append(row | {"name": "c", "note": "ended with exit status -11"})
    (half, line) = summarise([*rows, right | {"part": "choose"}])
    assert (half["part"], half["sets"], half["built"]) == ("choose", 1, 1)
    assert (line["own"], line["built"], line["told"], line["sets"]) == (1, 2, 2, 3)
    assert (line["claimed"], line["wrong"], line["gave up"]) == (2, 1, 1)


def test_what_crashes_stops_nothing_else():
    from patterson_opponents import apart

    assert apart(dict, [("answer", 1)]) == {"answer": 1}
    assert apart(os._exit, 3) == {"note": "ended with exit status 3"}


def test_networks_at_equal_compute_are_shown_with_what_they_cost():
    curve = {"arm": "paper", "core_minutes": 1.5, "steps": 40, "batch": 1, "mean_map": 0.93}
    curve |= {"val": [[20, 1.2], [40, 0.987]]}
    test = {"matched": 30, "atoms": 100, "solved": 0.1}
    report = {
        "compared": [curve | {"accuracy": test}],
        "variants": [curve | {"arm": "paper-small, no images"}],
    }
    _, (network, variant) = tables.patterson_ablation_table(report)
    assert (
        network.measured
        == "error 0.987 after 1.5 min, 40 steps of batch 1; found 30 of 100 atoms, 10 % of maps"
    )
    assert (variant.where, variant.others) == ("the same without inversion images", "mean map 0.930")
    blind = tables.patterson_ablation_table({"compared": [], "variants": [curve | {"hand_unknown": 0.42}]})
    assert blind[1][0].others == "mean map 0.930, best possible without knowing the hand 0.420"
    assert variant.measured == "error 0.987 after 1.5 min, 40 steps of batch 1"


def test_wrong_answers_that_are_trusted_on_maps_from_elsewhere_miss_the_goal():
    row = {"kind": "ours, told +1 atom", "maps": 20, "right": 0, "claimed": 1, "wrongly_claimed": 1}
    row |= {"cpu_s_per_map": 1.28}
    clean = row | {"kind": "points", "right": 20, "claimed": 20, "wrongly_claimed": 0}
    _, (wrong, right) = tables.patterson_foreign_maps_table({"seed": 7, "rows": [row, clean]})
    assert wrong.measured == "0 of 20 maps solved, 1 trusted, 1 of them wrong; 1.3 s per map (goal missed)"
    assert wrong.where == "own simulator, given one atom more"
    assert right.measured == "20 of 20 maps solved, 20 trusted, 0 of them wrong; 1.3 s per map"


def test_ways_to_separate_are_shown_with_their_time():
    row = {"method": "all sign patterns", "solved": 99, "maps": 100, "cpu_ms_per_map": 36.8}
    _, (line,) = tables.patterson_separation_table({"error_voxel": 0.1, "rows": [row]})
    assert (line.where, line.measured) == ("all sign patterns", "99 of 100 maps, 37 ms per map")


def test_rebuilt_crystals_are_shown_with_goals_and_peers():
    row = {"set": "mp_20 test", "latent": 512, "noise": 0.0, "atoms": "all", "structures": 300}
    row |= {"match_rate": 0.75, "rmse": 0.01, "strict_match_rate": 0.7, "recall": 0.9, "latent_size": 511}
    row |= {"species_of_found": 1.0, "encode_cpu_s": 0.002, "decode_cpu_s": 0.01}
    large = row | {"set": "mp_pool, 53 to 200 atoms", "match_rate": None, "latent_size": 5119}
    _, (first, second) = tables.crystals_table({"rows": [row, large, row | {"atoms": "1-4"}]})
    assert first.goal == "match ≥ 80 %, rmse ≤ 0.03"
    assert first.measured.startswith("match 75.0 % (strict 70.0 %), rmse 0.0100; 90.0 % of atoms found")
    assert first.measured.endswith("12 ms (goal missed)")
    assert "FTCP" in first.others
    assert (second.what, second.goal) == (
        "rebuilt from vectors of 512 numbers or more",
        "found and correct ≥ 85 %",
    )
    assert "goal missed" not in second.measured
    size = {"set": "mp_20 test", "latent": 512, "over_own": 14.74, "peers_over_own": 7.4}
    beside = {"sizes": [size], "distinct_share": {"mp_20 test": 0.41}}
    _, (told,) = tables.crystals_table({"rows": [row], "beside": beside})
    assert told.measured.endswith("12 ms; 14.7 numbers per parameter (goal missed)")
    assert told.others.endswith(
        "(256 numbers: 7.4 per parameter); only 41 % of the structures of the test set are distinct"
    )


def test_short_vectors_are_shown_beside_other_codings_of_as_many_numbers():
    row = {"set": "mp_20 test", "coding": "symmetric", "numbers": 64, "structures": 9, "match_rate": 0.98}
    row |= {"strict_match_rate": 0.97, "rmse": 0.002, "ratio": 1.89, "cpu_s": 0.03}
    plain = row | {"coding": "without symmetry", "match_rate": 0.47}
    every = row | {"coding": "orbits, exactly", "numbers": 10_000, "ratio": 0.43, "rmse": None}
    report = {"seed": 7, "choice": [row | {"coding": "share 0.2"}], "rows": [row, plain, every]}
    _, (choice, line, orbits) = tables.crystals_short_table(report)
    assert (choice.what, choice.others) == ("symmetric, share of the elements 0.2: 64 numbers", "")
    assert line.measured == "match 98.0 % (strict 97.0 %), rmse 0.0020; 1.89 numbers per parameter; 30 ms"
    assert line.others == "without symmetry 47.0 %"
    assert orbits.what == "exact list of orbits: no limit of length"


def test_boxes_of_both_halves_stand_in_one_row_beside_what_is_made_with_them():
    row = {"half": "reporting", "model": "linear code", "view": "single", "atoms_of_cell": "all"}
    row |= {"structures": 9, "recall": 0.99, "precision": 0.98, "species_of_found": 0.89, "all_right": 0.5}
    row |= {"median_s": 0.02, "slowest_s": 2.0, "not_fitting": 3, "atoms": 50, "cell_atoms": 60}
    chosen = row | {"half": "choosing", "recall": 0.97}
    ours = row | {
        "model": "best",
        "view": "whole cell",
        "recall": 1.0,
        "species_of_found": 1.0,
        "median_s": None,
    }
    pca = row | {"model": "PCA", "view": "repeating"}
    rows = [chosen, ours, row, row | {"atoms_of_cell": "1-8"}, pca, pca | {"atoms_of_cell": "1-8"}]
    made = {"what": "samples, normal", "asked": 5, "with_atoms": 4, "atoms": 7.0, "valid": 0.8, "bonded": 0.6}
    maps = {"found": 0.5, "true": 0.4, "species_of_found": 0.3}
    report = {
        "rows": rows,
        "sets": {"choosing": "a", "reporting": "b"},
        "generation": [made],
        "pca_boxes": 15,
    }
    report |= {"training": {"refined": {"joint": {"steps": 10, "seconds": 120}}}}
    report |= {"unexplained": [{"half": "reporting", "view": "single", "linear code": 0.03, "PCA": 0.06}]}
    report |= {"maps": {"choosing": maps, "reporting": maps}}
    report |= {"simulator": {"cpu_ms_per_box": 20.0, "boxes_per_core_second": 50.0}}
    caption, lines = tables.crystals_paper_table(report)
    assert "structures of b; limits of the fit were chosen on a" in caption
    speed, best, code, small, learnt, left, named, new = lines
    assert "100 boxes/s on two cores (goal missed)" in speed.measured
    assert best.what == "ours (`best`)"
    assert "goal missed" not in best.measured
    assert code.measured.startswith("99.0 % of atoms found, 98.0 % of decoded atoms true")
    assert code.chosen.startswith("97.0 % of atoms found")
    assert code.measured.endswith(
        "20 ms, 2.0 s at most; 3 cells are larger than the box: 10 of 60 atoms lie outside and are not "
        "counted (counted as missed: 82.5 % found) (goal missed)"
    )
    assert small.where == "single cell, cells of 1-8 atoms (9)"
    assert learnt.where == "repeating crystal (9)"
    assert left.measured == "linear code 3.0 %, PCA 6.0 %"
    assert left.others == "PCA of 15 boxes; refined: 10 steps (2 min)"
    assert named.measured.startswith(
        "50.0 % of the atoms' voxels found, 40.0 % of the labelled voxels correct"
    )
    assert (
        new.measured
        == "4 with atoms, 7.0 atoms on average; all distances above 0.5 Å in 80.0 %, above 1 Å in 60.0 %"
    )


def test_molmnist_goals_are_judged_and_baselines_stand_beside_the_network():
    common = {"condition": "noise-free", "count": 20, "task": "inversion"}
    own = {"model": "network", "psnr_db": 31.0, "ssim": 0.98, "pearson": 0.97, "cpu_ms_per_pattern": 2.0}
    floor = {"model": "phase retrieval", "floor": True, "psnr_db": 38.9, "ssim": 0.997, "pearson": 0.999}
    floor |= common | {"cpu_ms_per_pattern": 596.0, "by_fibril": {"psnr_db": {"6x6": 38.0}}}
    report = {"training_pairs": 20, "cores": 2, "torch_threads": 1, "rows": [floor]}
    _, (alone,) = tables.molmnist_tasks_table(report)
    assert alone.measured == "no network yet"
    assert alone.others == "phase retrieval 38.9 dB, SSIM 0.997, Pearson 0.999, 596.0 ms"
    report["rows"] = [common | own | {"by_fibril": {"psnr_db": {}}}, floor]
    _, (row,) = tables.molmnist_tasks_table(report)
    assert row.goal == "≥ 30 dB, Pearson ≥ 0.98, ≤ 2.5 ms on 2 cores"
    assert row.measured.endswith("(goal missed: Pearson ≥ 0.98)")
    assert row.others == alone.others


def test_molmnist_classes_and_twists_are_shown():
    common = {"condition": "1e4-photons", "count": 20, "model": "network", "cpu_ms_per_pattern": 2.0}
    classes = common | {"task": "classification", "accuracy": 0.94}
    twist = common | {"task": "regression", "mae_deg_per_nm": 0.1, "r2_within_fibrils": None}
    report = {"training_pairs": 20, "cores": 2, "torch_threads": 1, "rows": [classes, twist]}
    _, (first, second) = tables.molmnist_tasks_table(report)
    assert (first.goal, first.measured) == ("≥ 95 %", "network 94.0 %, 2.0 ms (goal missed)")
    assert second.measured == "network mean error 0.100°/nm, 2.0 ms"


def hard_row(model: str, beyond: float, floor: bool = True) -> dict:
    row = {"condition": "1e4-photons", "count": 40, "task": "inversion", "model": model, "floor": floor}
    row |= {"psnr_db": 18.5 + beyond, "beyond_class_mean_db": beyond, "ssim": 0.9, "pearson": 0.9}
    return row | {"resolution_a": 5.0, "cpu_ms_per_pattern": 10.0, "by_outline": {}}


def test_a_lead_on_hard_counts_over_what_is_given_nothing_and_leaves_room_below_the_ceiling():
    report = {"training_pairs": 20, "cores": 2, "torch_threads": 1}
    floors = [hard_row("nearest pair", 1.0), hard_row("turned class mean (class and rotation told)", 4.0)]
    floors.append(hard_row("measured amplitudes (true phases told)", 10.0))
    _, (row,) = tables.molmnist_hard_table(report | {"rows": [hard_row("network", 6.5, False), *floors]})
    assert row.goal == "≥ 5 dB over the best baseline, ≥ 3 dB below the ceiling (true phases given)"
    assert row.measured == "network 25.0 dB (+6.5), SSIM 0.900, Pearson 0.900, 5.0 Å, 10.0 ms"
    assert row.others.startswith("nearest pair 19.5 dB (+1.0)")
    _, (row,) = tables.molmnist_hard_table(report | {"rows": [hard_row("network", 5.5, False), *floors]})
    assert row.measured.endswith("(goal missed: ≥ 5 dB over the best baseline)")


def test_molmnist_bundles_have_chains_outlines_and_turns():
    common = {"condition": "clean", "count": 20, "model": "network", "cpu_ms_per_pattern": 2.0}
    chains = common | {"task": "chains", "mae_chains": 2.34, "relative_error": 0.071, "exact": 0.25}
    outline = common | {"task": "outline", "accuracy": 0.94}
    turn = common | {"task": "turn", "mae_deg": 5.67, "r2": 0.5}
    report = {"training_pairs": 20, "cores": 2, "torch_threads": 1, "rows": [chains, outline, turn]}
    _, rows = tables.molmnist_hard_table(report)
    assert [row.measured for row in rows] == [
        "network mean error 2.3 (7.1 %), exact 25 %, 2.0 ms",
        "network 94.0 %, 2.0 ms",
        "network mean error 5.7°, R² 0.50, 2.0 ms",
    ]


def test_energies_from_vectors_miss_their_goal_where_composition_alone_is_better():
    counts = {"choose_count": 2, "report_count": 3, "learn_count": 4}
    inputs = {"the mean": 0.9, "composition": 0.3, "composition + latent": 0.4}
    rows = [{"input": name, "choose": 0.1, "report": error, **counts} for name, error in inputs.items()]
    assert "(goal missed)" in formation_row(rows[2], rows).measured
    rows[2]["report"] = 0.2
    assert formation_row(rows[2], rows).measured == "error 0.200 eV/atom"
    assert "goal missed" not in formation_row(rows[1], rows).measured


def task_report(*conditions: str, count: int = 2, training: int = 20) -> dict:
    rows = [{"condition": name, "model": "network", "count": count} for name in conditions]
    return {"set": "hard", "training_pairs": training, "rows": rows}


def test_reports_of_molmnist_are_joined_in_the_order_of_the_set():
    from molmnist_tasks import joined

    before, now = task_report("clean", "1e4-photons", count=2), task_report("as-drawn", "clean", count=9)
    rows = joined("hard", [before, now])["rows"]
    assert [(row["condition"], row["count"]) for row in rows] == [
        ("as-drawn", 9),
        ("1e4-photons", 2),
        ("clean", 9),
    ]
    for other in (task_report(training=10), task_report() | {"set": "standard"}):
        with pytest.raises(typer.BadParameter, match="can be joined"):
            joined("hard", [other, now])


def test_figures_of_molmnist_go_to_the_weights_that_answered(monkeypatch: pytest.MonkeyPatch):
    import molmnist_tasks

    kept = {}
    monkeypatch.setattr(molmnist_tasks, "keep_figures", lambda weights, rows: kept.update({weights: rows}))
    row = {"condition": "1e4-photons", "model": "network + fit"}
    floor = row | {"model": "nearest pair", "floor": True}
    others = [
        row | {"model": name} for name in ("bundles: network + fit", "published encoder-decoder", "mine:f")
    ]
    molmnist_tasks.keep({"set": "standard", "rows": [row, floor, *others]})
    named = {weights: [(one["condition"], one["model"]) for one in rows] for weights, rows in kept.items()}
    assert named == {
        molmnist_tasks.WEIGHTS_TEN: [("1e4-photons", "network + fit")],
        molmnist_tasks.WEIGHTS: [("standard, 1e4-photons", "bundles: network + fit")],
        molmnist_tasks.PUBLISHED: [("1e4-photons", "published encoder-decoder")],
    }
    kept.clear()
    molmnist_tasks.keep({"set": "hard", "rows": [row, floor]})
    assert list(kept) == [molmnist_tasks.WEIGHTS]
    assert kept[molmnist_tasks.WEIGHTS][0]["condition"] == "hard, 1e4-photons"


def test_trusted_bundles_of_both_halves_stand_in_their_columns():
    row = {"patterns": "bundles, 100 photons", "half": "choose", "count": 40, "believed": 0.25}
    row |= {"right": 0.5, "right_of_believed": 0.9}
    never = row | {"half": "report", "believed": 0.0, "right_of_believed": None}
    blobs = {"patterns": "blobs", "count": 40, "believed": 0.05, "right": None, "right_of_believed": None}
    rows = [row, never, blobs | {"half": "choose"}, blobs | {"half": "report"}]
    report = {"largest_ratio": 1.1, "largest_doubt": 0.1, "rows": rows}
    _, (bundles, others) = tables.molmnist_hard_trust_table(report)
    assert bundles.measured == "trusted 0 %; of all answers 50 % correct"
    assert bundles.chosen == "trusted 25 %, 90 % of them correct; of all answers 50 % correct"
    assert (others.measured, others.chosen) == ("trusted 5 %", "trusted 5 %")


def test_an_answer_about_a_bundle_is_right_in_chains_turn_and_shape():
    from molmnist_hard_trust import is_right, pairs

    trials = pairs("standard", "noise-free", "test", 2)
    # 2x2 and 3x3 of 207.6 Å.
    turn = trials.truth["twist_deg_per_nm"] * 20.76
    true = [
        SimpleNamespace(chains=chains, turn_deg=-turn[row], turn_sd_deg=2.0, shape=trials.shapes[row])
        for row, chains in enumerate((4.0, 9.0))
    ]
    assert is_right(true, trials).all()  # pyright: ignore[reportArgumentType]
    for wrong in ({"chains": 4.5}, {"turn_deg": turn[0] + 7}, {"shape": trials.shapes[0] * 0}):
        changed = SimpleNamespace(**(vars(true[0]) | wrong))
        assert is_right([changed, true[1]], trials).tolist() == [False, True]  # pyright: ignore[reportArgumentType]


def test_a_missing_result_names_the_benchmark_that_writes_it(tmp_path: Path):
    text = tables.page_text("molmnist", tmp_path)
    assert "`benchmarks/molmnist_tasks.py --set hard`: not measured yet (no `molmnist_hard.json`)." in text
