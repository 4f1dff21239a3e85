"""Trainings that are compared cost the same, are not repeated, and are drawn with what they cost."""

from collections.abc import Callable
from pathlib import Path

import pytest

from argand.systems.patterson.presets import PRESETS
from argand.systems.patterson.published import ablation
from argand.systems.patterson.published.ablation import (
    ABLATION,
    Arm,
    Curve,
    Effort,
    mean_map_error,
    train_arms,
)
from argand.systems.patterson.published.learning_curves import (
    draw_comparisons,
    draw_losses,
    draw_networks,
    draw_training,
    draw_variants,
)

TINY = PRESETS["tiny"]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> list[Arm]:
    """Two arms that train in seconds, at ten steps to the minute."""
    monkeypatch.setattr(ablation, "NETWORKS", {"superposition": TINY})
    monkeypatch.setattr(ablation, "VARIANTS", {"two atoms": {"atoms": 2}})
    monkeypatch.setattr(ablation, "EFFORTS", {"superposition": Effort(2, 4, 2)})
    monkeypatch.setattr(ablation, "time_step", lambda system, batch: 6.0)
    return [Arm("superposition"), Arm("superposition", "two atoms")]


def test_all_arms_of_a_network_take_the_same_steps_and_none_is_trained_twice(
    tmp_path: Path, small: list[Arm], monkeypatch: pytest.MonkeyPatch
):
    told: list[str] = []
    first = train_arms(small, tmp_path, 0.4, told.append)
    assert [one["steps"] for one in first] == [4, 4]
    assert [one["core_minutes"] for one in first] == [0.4, 0.4]
    assert [step for step, _ in first[1]["val"]] == [2, 4]
    assert told[1].startswith("superposition, two atoms: 4 steps")
    monkeypatch.setattr(ablation, "time_step", None)
    logs = [path.stat().st_mtime_ns for path in sorted(tmp_path.rglob("log.jsonl"))]
    assert train_arms(small, tmp_path, 0.4, told.append) == first
    assert [path.stat().st_mtime_ns for path in sorted(tmp_path.rglob("log.jsonl"))] == logs


def test_the_arms_are_those_of_the_published_figures():
    variants = {arm.variant for arm in ABLATION if arm.network == "paper"}
    assert variants == {"", "no images, 10 atoms", "no images, 20 atoms", "inner box 18", "inner box 24"}
    alone = Arm("paper", "no images, 20 atoms").system.atoms
    assert (alone.atoms, alone.inversion) == (20, False)
    assert Arm("superposition", "inner box 24").system.atoms.inner_box == 24.0
    assert Arm("superposition").system.atoms.noise == (0.0, 0.0)


def test_a_step_takes_time_and_the_mean_of_other_maps_says_little():
    assert ablation.time_step(TINY, 1) > 0
    assert 0.3 < mean_map_error(TINY, 64) < 1.1


def test_figures_say_what_they_cost_and_what_came_out(tmp_path: Path, curve: Callable[[Arm], Curve]):
    curves = [curve(arm) for arm in ABLATION]
    drawn = [draw_training(tmp_path, curves), *draw_comparisons(tmp_path, curves)]
    assert [path.name for path in drawn] == [f"patterson-{number}.png" for number in (7, 8, 9)]
    assert draw_networks(tmp_path / "networks.png", curves[:1]).stat().st_size > 0
    for figure in (draw_losses(curves), draw_variants(8, curves, ("", "20 atoms"), "10 atoms")):
        assert "5 min (80 maps)" in figure.get_suptitle()
    legend = figure.axes[1].get_legend()
    assert legend is not None
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == ["10 atoms: 0.400", "20 atoms: 0.400"]
