"""Chains, turn and lean of a bundle fitted to its pattern, from what the network says.

The amplitude is linear in the sites' occupancies, and smooth in the pose. Both are found by Gauss-Newton
steps on the roots of the counts, first at low q, where starts that are far off still find their way, then at
all. A site has a chain or none: at last chains are set and taken away one by one as long as that explains the
pattern better, and what a change of each would cost gives the chance of each site. The network's chances are
the prior of the sites.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from argand.systems.molmnist.inversion.chain_counts import (
    MODEL_ERROR,
    Q_FIT,
    ROOT_SHIFT,
    Light,
    SeenPattern,
    expected_counts,
    misfits,
    variances,
)
from argand.systems.molmnist.inversion.chain_model import ChainModel, ChainPose
from argand.systems.molmnist.inversion.chain_sites import flip_costs, flipped, relaxed


@dataclass(frozen=True)
class Stage:
    """One stage of the fit: up to which q (1/Å), with which error of the model, from how many starts.

    First `relaxed` rounds with occupancies between 0 and 1, then rounds with `whole` chains.
    """

    q: float
    model_error: float
    starts: int
    relaxed: int
    whole: int


STAGES = (Stage(0.8, 0.15, 99, 4, 0), Stage(1.25, 0.1, 2, 3, 1), Stage(Q_FIT, MODEL_ERROR, 1, 1, 3))
"""From the outline's speckles to the strongest ring. By hand: what served best on validation pairs."""
FIRST, KICKS, GOOD = 5, 12, 1.1
"""Poses tried at first, new starts at most, and the misfit over that of a right answer at which none is
needed. By hand: right answers to validation patterns have up to 1.0 of it, wrong ones 1.05 and more."""
_KICK = (0.04, 0.12, 2.0, 2.0, 0.5, 0.5)
"""Standard deviations in radians and Å by which a new start's pose is off. By hand, about what the network's
is off by."""
_HELD = 4.0
"""Largest logit that the network's chances are held to: 0.982. By hand: it must not be surer than counts."""
_STEPS = (2e-3, 4e-3, 0.05, 0.05, 0.05, 0.05)
"""Radians and Å over which slopes are taken. By hand: far less than what counts tell."""
_PRIOR = (0.1, 0.25, 8.0, 8.0, 2.0, 2.0)
"""Standard deviations in radians and Å of rotation and turn about their start, and of drift and bend about
none; the drift's is that of 300 Å at 3 degrees. By hand."""
_LARGEST = (0.06, 0.12, 3.0, 3.0, 2.0, 2.0)
"""Largest steps of a round. By hand: slopes hold no farther."""
_LIGHT_STEP = 0.05
"""Over which slopes in the logits of background and point spread are taken."""


@dataclass(frozen=True)
class FittedChains:
    """Chances of the sites and pose that explain a pattern, of n starts the best.

    `misfit` is the mean square of what is left, in its expected standard deviations, `expected` that of a
    right answer; `covariance` that of rotation, turn, drift and bend (radians, Å), the sites held; `light`
    what the detector adds.
    """

    sites: Float[Tensor, "row column"]
    pose: ChainPose
    misfit: float
    expected: float
    covariance: Float[Tensor, "6 6"]
    light: Light


@dataclass(frozen=True)
class _State:
    """A bundle on its way: occupancies [row, column], pose, and what the detector adds.

    `light` holds the logits of the background's share, of its flat part and of the point spread in pixels.
    """

    sites: Tensor
    pose: ChainPose
    light: Light


@torch.inference_mode()
def fit_chains(
    seen: SeenPattern, model: ChainModel, logits: Float[Tensor, "row column"], poses: ChainPose
) -> FittedChains:
    """Fit from the network's logits of the sites and from n poses, the likeliest first.

    Of the first `FIRST` the best at low q goes on to all q; the others are tried until the misfit is good, in
    turn with poses beside the best so far.
    """
    held = logits.clamp(-_HELD, _HELD)
    light = torch.tensor([-3.0, 0.0, -1.0])
    starts = [_State(held.sigmoid(), poses[[row]], light) for row in range(len(poses))]
    states, others = starts[:FIRST], starts[FIRST:]
    home = poses[[0]]
    for stage in STAGES:
        states = [_staged(seen, model, state, held, home, stage)[1] for state in states[: stage.starts]]
        states.sort(
            key=lambda state: _cost(seen.within(stage.q, stage.model_error), model, state, held, home)
        )
    cost, best = _cost(seen, model, states[0], held, home), states[0]
    generator = torch.Generator().manual_seed(0)
    for kick in range(KICKS):
        if _misfit(seen, model, best) < GOOD * expected_misfit(seen, model, best):
            break
        # In turn from another pose and from the best so far.
        fresh = kick % 2 == 0 and kick // 2 < len(others)
        state = others[kick // 2] if fresh else _kicked(best, held, generator)
        for stage in STAGES[0 if fresh else 1 :]:
            after, state = _staged(seen, model, state, held, home, stage)
        if after < cost:
            cost, best = after, state
    return _finished(seen, model, best, held)


def _staged(
    seen: SeenPattern, model: ChainModel, state: _State, held: Tensor, home: ChainPose, stage: Stage
) -> tuple[float, _State]:
    """The state after the rounds of a stage, and its cost."""
    near = seen.within(stage.q, stage.model_error)
    for turn in range(stage.relaxed + stage.whole):
        state = _round(near, model, state, held, home, whole=turn >= stage.relaxed)
    return _cost(near, model, state, held, home), state


def _misfit(seen: SeenPattern, model: ChainModel, state: _State) -> float:
    """Mean square of what is left, in its expected standard deviations."""
    seen = seen.scattered(model.diffuse(state.sites, seen.length))
    slices = model.slices(state.sites[None], state.pose, float(seen.length.max()))
    wave = model.waves(state.sites[None], state.pose, seen.q, slices)
    left = misfits(seen, wave.abs().square(), state.light)[0]
    return float(left.square().sum() / (seen.mates > 0).sum().clamp_min(1))


def _kicked(state: _State, held: Tensor, generator: torch.Generator) -> _State:
    """A state beside this one: its sites half forgotten, its pose moved at random."""
    sites = (state.sites + held.sigmoid()) / 2
    step = torch.tensor(_KICK) * torch.randn(6, generator=generator)
    return replace(state, sites=sites, pose=_shifted(state.pose, step))


def _round(
    seen: SeenPattern, model: ChainModel, state: _State, held: Tensor, start: ChainPose, whole: bool
) -> _State:
    """Sites under this pose, then the pose, background and point spread under these sites."""
    seen = seen.scattered(model.diffuse(state.sites, seen.length))
    slices = model.slices(state.sites[None], state.pose, float(seen.length.max()))
    waves = model.site_waves(state.sites, state.pose, seen.q, slices).flatten(1)
    search = flipped if whole else relaxed
    sites = search(seen, waves, state.sites, state.light, held)
    return _moved(seen, model, replace(state, sites=sites), start)


def _moved(seen: SeenPattern, model: ChainModel, state: _State, start: ChainPose) -> _State:
    """A Gauss-Newton step of pose and light, halved until it lowers the cost."""
    slices = model.slices(state.sites[None], state.pose, float(seen.length.max()))
    left, slopes = _slopes(seen, model, state, slices)
    spread = torch.tensor([*_PRIOR, 1.5, 3.0, 1.0])
    offset = torch.cat([_numbers(state.pose) - _home(start), state.light - torch.tensor([-3.0, 0.0, -1.0])])
    matrix = slopes @ slopes.T + torch.diag(spread**-2)
    step = torch.linalg.solve(matrix, -(slopes @ left) - offset / spread**2)
    largest = torch.tensor([*_LARGEST, 1.0, 1.5, 0.7])
    step = step / (step.abs() / largest).max().clamp_min(1.0)
    before = float(left.square().sum() + (offset / spread).square().sum())
    for _ in range(4):
        moved = replace(state, pose=_shifted(state.pose, step[:6]), light=state.light + step[6:])
        wave = model.waves(state.sites[None], moved.pose, seen.q, slices)
        after = misfits(seen, wave.abs().square(), moved.light)[0].square().sum()
        after = after + ((offset + step) / spread).square().sum()
        if float(after) < before:
            return moved
        step = step / 3
    return state


def _numbers(pose: ChainPose) -> Float[Tensor, "6"]:
    return torch.cat([pose.rotation, pose.turn, pose.drift[0], pose.bend[0]])


def _home(start: ChainPose) -> Float[Tensor, "6"]:
    """Where the prior of the pose is: rotation and turn of the start, no lean and no bend."""
    return torch.cat([start.rotation, start.turn, torch.zeros(4)])


def _shifted(pose: ChainPose, step: Float[Tensor, "6"]) -> ChainPose:
    return ChainPose(
        pose.rotation + step[0],
        (pose.turn + step[1]).abs(),
        pose.drift + step[2:4],
        pose.bend + step[4:],
    )


def _slopes(
    seen: SeenPattern, model: ChainModel, state: _State, slices: int
) -> tuple[Float[Tensor, " pixel"], Float[Tensor, "9 pixel"]]:
    """What is left, and its slopes in the six numbers of the pose and the three of the light."""
    poses = [state.pose]
    for place, step in enumerate(_STEPS):
        change = torch.zeros(6)
        change[place] = step
        poses.append(_shifted(state.pose, change))
    waves = torch.cat([model.waves(state.sites[None], pose, seen.q, slices) for pose in poses])
    left = misfits(seen, waves.abs().square(), state.light)
    slopes = [(left[place + 1] - left[0]) / step for place, step in enumerate(_STEPS)]
    shine = waves[:1].abs().square()
    for place in range(3):
        change = torch.zeros(3)
        change[place] = _LIGHT_STEP
        slopes.append((misfits(seen, shine, state.light + change)[0] - left[0]) / _LIGHT_STEP)
    return left[0], torch.stack(slopes)


def _cost(seen: SeenPattern, model: ChainModel, state: _State, held: Tensor, start: ChainPose) -> float:
    """Half of the squares of what is left, of the pose's prior and of the sites'."""
    seen = seen.scattered(model.diffuse(state.sites, seen.length))
    slices = model.slices(state.sites[None], state.pose, float(seen.length.max()))
    wave = model.waves(state.sites[None], state.pose, seen.q, slices)
    left = misfits(seen, wave.abs().square(), state.light)[0].square().sum() / 2
    away = ((_numbers(state.pose) - _home(start)) / torch.tensor(_PRIOR)).square().sum() / 2
    return float(left + away - (state.sites * held).sum())


def expected_misfit(seen: SeenPattern, model: ChainModel, state: _State) -> float:
    """The misfit of a right answer: of Poisson draws about this answer's own counts.

    The model is taken for as wrong as it is thought to be; the draw is always the same one.
    """
    seen = seen.scattered(model.diffuse(state.sites, seen.length))
    slices = model.slices(state.sites[None], state.pose, float(seen.length.max()))
    wave = model.waves(state.sites[None], state.pose, seen.q, slices)
    mean = expected_counts(seen, wave.abs().square(), state.light)[0].clamp_min(0)
    generator = torch.Generator().manual_seed(0)
    beyond = variances(seen, mean, wave[0].abs().square(), state.light) - 0.25
    wrong = mean.sqrt() + beyond.sqrt() * torch.randn(mean.shape, generator=generator)
    counts = torch.poisson(wrong.square(), generator=generator) if seen.counted else wrong.square()
    error = variances(seen, mean, wave[0].abs().square(), state.light).sqrt()
    left = ((mean + ROOT_SHIFT).sqrt() - (counts + ROOT_SHIFT).sqrt()) / error
    return float(left[seen.mates > 0].square().mean())


def _finished(seen: SeenPattern, model: ChainModel, state: _State, held: Tensor) -> FittedChains:
    """Chances of the sites by what a change of each would cost, and the errors of the pose."""
    seen = seen.scattered(model.diffuse(state.sites, seen.length))
    slices = model.slices(state.sites[None], state.pose, float(seen.length.max()))
    waves = model.site_waves(state.sites, state.pose, seen.q, slices).flatten(1)
    now = (state.sites > 0.5).float().flatten()
    gain, active = flip_costs(seen, waves, now, state.light, held)
    other = torch.sigmoid(-gain)
    chance = torch.where(active, torch.where(now > 0.5, 1 - other, other), now)
    left, slopes = _slopes(seen, model, state, slices)
    told = slopes @ slopes.T + torch.diag(torch.tensor([*_PRIOR, 1.5, 3.0, 1.0]) ** -2)
    known = float((seen.mates > 0).sum())
    return FittedChains(
        chance.reshape(state.sites.shape),
        state.pose,
        float(left.square().sum() / max(known, 1.0)),
        expected_misfit(seen, model, state),
        torch.linalg.inv(told)[:6, :6],
        state.light,
    )
