"""Trainings that are compared cost the same, are not repeated, and are drawn with what they cost."""

from collections.abc import Callable
from pathlib import Path

import pytest

from argand.errors import ConfigError
from argand.systems.patterson.presets import PRESETS
from argand.systems.patterson.published import ablation
from argand.systems.patterson.published.ablation import (
    ABLATION,
    Arm,
    Curve,
    Effort,
    Variant,
    arms_of,
    hand_unknown_error,
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
    monkeypatch.setattr(ablation, "VARIANTS", {"larger": Variant(inner_box=1.2)})
    monkeypatch.setattr(ablation, "EFFORTS", {"superposition": Effort(2, 4, 2)})
    monkeypatch.setattr(ablation, "time_step", lambda system, effort: 6.0)
    return [Arm("superposition"), Arm("superposition", "larger")]


def test_all_arms_of_a_network_take_the_same_steps_and_none_is_trained_twice(
    tmp_path: Path, small: list[Arm], monkeypatch: pytest.MonkeyPatch
):
    told: list[str] = []
    first = train_arms(small, tmp_path, 0.4, told.append)
    assert [one["steps"] for one in first] == [4, 4]
    assert [one["core_minutes"] for one in first] == [0.4, 0.4]
    assert [step for step, _ in first[1]["val"]] == [2, 4]
    assert told[1].startswith("superposition, larger: 4 steps")
    monkeypatch.setattr(ablation, "time_step", None)
    logs = [path.stat().st_mtime_ns for path in sorted(tmp_path.rglob("log.jsonl"))]
    assert train_arms(small, tmp_path, 0.4, told.append) == first
    assert [path.stat().st_mtime_ns for path in sorted(tmp_path.rglob("log.jsonl"))] == logs


def test_the_arms_are_those_of_the_published_figures():
    variants = {"", "no images", "no images, twice the atoms", "inner box 1.5 times", "inner box twice"}
    for size, network in (("small", "paper-small"), ("paper", "paper")):
        assert {arm.variant for arm in arms_of(size) if arm.network == network} == variants
    alone = Arm("paper", "no images, twice the atoms").system.atoms
    assert (alone.atoms, alone.inversion) == (20, False)
    assert Arm("superposition", "inner box twice").system.atoms.inner_box == 24.0
    assert Arm("superposition").system.atoms.noise == (0.0, 0.0)
    with pytest.raises(ConfigError, match="small or paper"):
        arms_of("tiny")


def test_the_small_maps_are_as_crowded_as_the_published_ones():
    paper, small = (Arm(name).system.atoms for name in ("paper", "paper-small"))
    vectors = [one.atoms * (one.atoms - 1) / (2 * one.inner_box) ** 3 for one in (paper, small)]
    assert vectors[1] == pytest.approx(vectors[0], rel=0.06)
    assert small.inner_box / small.box == pytest.approx(paper.inner_box / paper.box)
    assert type(Arm("paper-small").system.network()) is type(Arm("paper").system.network())


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_step_takes_time(precision: str):
    assert ablation.time_step(TINY, Effort(1, 1, 1, precision)) > 0  # pyright: ignore[reportArgumentType]


def test_the_mean_of_other_maps_says_little():
    assert 0.3 < mean_map_error(TINY, 64) < 1.1


def test_without_the_hand_half_of_the_density_remains_and_less_where_images_overlap():
    assert hand_unknown_error(Arm("paper-small").system) is None
    error = hand_unknown_error(Arm("paper-small", "no images").system, 32)
    assert error is not None
    assert 0.3 < error < 0.5


def test_long_curves_are_kept_as_means_of_neighbours():
    curve = ablation._thinned([[step, float(step)] for step in range(1, 121)])
    assert len(curve) == 60
    assert curve[0] == [2, 1.5]
    assert curve[-1] == [120, 119.5]


def test_figures_say_what_they_cost_and_what_came_out(tmp_path: Path, curve: Callable[[Arm], Curve]):
    curves = [curve(arm) for arm in (*ABLATION["paper"], *ABLATION["small"])]
    drawn = [draw_training(tmp_path, curves), *draw_comparisons(tmp_path, curves)]
    assert [path.name for path in drawn] == [f"patterson-{number}.png" for number in (7, 8, 9)]
    assert draw_networks(tmp_path / "networks.png", curves[:1]).stat().st_size > 0
    for figure in (draw_losses(curves), draw_variants(8, curves, ("", "twice the atoms"), "10 atoms")):
        assert "5 min (80 maps)" in figure.get_suptitle()
    legend = figure.axes[-1].get_legend()
    assert legend is not None
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == ["10 atoms: 0.400", "twice the atoms: 0.400"]
