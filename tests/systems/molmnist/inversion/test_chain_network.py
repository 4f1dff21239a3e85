"""The network of bundles turns with its pattern, and learns from patterns that do not tell half a turn."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from argand.learn.stream import collate
from argand.physics.coherent.pattern import is_counted
from argand.system import Batch
from argand.systems.molmnist.fibril.bundle import GRID, OUTLINES
from argand.systems.molmnist.inversion.chain_loss import chain_inputs, chain_loss
from argand.systems.molmnist.inversion.chain_network import (
    FULL_LEVEL,
    MOST_TURNED,
    TURNS,
    ChainNetwork,
    ChainOutput,
    counted_level,
    turn_centres,
)
from argand.systems.molmnist.inversion.polar import Polar, pattern_middle
from argand.systems.molmnist.presets import PRESETS

TINY = PRESETS["tiny-chains"]
WINDOW = TINY.imaging.window
STEP = 2 * np.pi / WINDOW.side
AZIMUTHS = TINY.polar[1]


@pytest.fixture(scope="module")
def batch() -> Batch:
    return collate([TINY.inputs(TINY.simulate(index, 5)) for index in range(3)])


@pytest.fixture(scope="module")
def network(batch: Batch) -> ChainNetwork:
    """A network that has looked at the batch a few times: fresh weights answer all patterns alike."""
    torch.manual_seed(1)
    made, generator = TINY.network(), torch.Generator().manual_seed(0)
    assert isinstance(made, ChainNetwork)
    optimiser, _ = TINY.optimiser(made)
    for _ in range(15):
        optimiser.zero_grad()
        TINY.loss(made.train(), batch, generator)[0].backward()
        optimiser.step()
    return made.eval()


def half_turns(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Difference of rotations that half a turn leaves as they are, from -π/2 to π/2."""
    return torch.remainder(first - second + torch.pi / 2, torch.pi) - torch.pi / 2


@torch.no_grad()
def read(
    network: ChainNetwork, pattern: torch.Tensor, live: torch.Tensor, **more: torch.Tensor
) -> ChainOutput:
    return network(pattern, live, torch.full((len(pattern),), 5.0), STEP, **more)


@pytest.mark.parametrize("shift", [2, 6, 20])
def test_a_pattern_moved_on_is_read_as_the_same_bundle_turned(
    network: ChainNetwork, batch: Batch, shift: int
):
    given = batch["pattern"], batch["live"]
    moved = torch.full((3,), shift)
    before, after = read(network, *given), read(network, *given, shift=moved)
    expected = before.rotation + shift * torch.pi / AZIMUTHS
    assert half_turns(after.rotation, expected).abs().max() < 1e-3
    off = (after.site_logits - before.site_logits).abs().max()
    assert off < 1e-2 * before.site_logits.std()
    torch.testing.assert_close(after.turn_logits, before.turn_logits, rtol=1e-3, atol=1e-3)
    # Taken out is what was found: another rotation shows other sites.
    none = torch.zeros(3)
    kept = [read(network, *given, rotation=none, **more).site_logits for more in ({}, {"shift": moved})]
    assert (kept[1] - kept[0]).abs().max() > max(10 * off, 0.03 * before.site_logits.std())


def test_a_quarter_turn_of_the_picture_turns_the_rotation_by_as_much(network: ChainNetwork, batch: Batch):
    given = batch["pattern"], batch["live"]
    # [slow, fast] = [y, x]: from x towards y.
    before, after = read(network, *given), read(network, *(one.rot90(-1, (2, 3)) for one in given))
    assert half_turns(after.rotation, before.rotation + torch.pi / 2).abs().max() < 1e-2
    assert (after.site_logits - before.site_logits).abs().max() < 0.05 * before.site_logits.std()


def test_half_a_turn_of_the_picture_changes_nothing(network: ChainNetwork, batch: Batch):
    given = batch["pattern"], batch["live"]
    before, after = read(network, *given), read(network, *(one.flip((2, 3)) for one in given))
    assert half_turns(after.rotation, before.rotation).abs().max() < 1e-3
    torch.testing.assert_close(after.site_logits, before.site_logits, rtol=0, atol=0.02)


class Told(ChainNetwork):
    """Says what it is told, whatever the pattern."""

    answer: ChainOutput

    def forward(self, *_: object) -> ChainOutput:
        return self.answer


def told(sites: torch.Tensor, rotation: torch.Tensor) -> Told:
    """A network that is sure of these sites and rotations."""
    network, count = Told(TINY.widths, Polar(*TINY.polar)), len(sites)
    network.answer = ChainOutput(
        torch.zeros(count, AZIMUTHS // 2),
        rotation,
        torch.full((count,), 100.0),
        torch.zeros(count, TURNS),
        16 * sites - 8,
        torch.zeros(count, len(OUTLINES)),
        torch.zeros(count, 2),
    )
    return network


def test_the_loss_takes_the_nearer_of_a_map_and_the_map_turned_by_half(batch: Batch):
    sites, rotation = batch["sites"][:, 0], batch["rotation"]
    assert not torch.equal(sites, sites.flip((1, 2)))

    def metrics(found: torch.Tensor, turn: float = 0.0) -> dict[str, torch.Tensor]:
        return chain_loss(told(found, rotation + turn), batch, WINDOW, None)[1]

    right, turned = metrics(sites), metrics(sites.flip((1, 2)), torch.pi)
    assert float(right["site_entropy"]) == pytest.approx(float(turned["site_entropy"]), rel=1e-5)
    assert float(right["site_entropy"]) < 0.01
    assert float(metrics(1 - sites)["site_entropy"]) > 10
    assert float(metrics(sites.mT)["site_entropy"]) > 0.5
    assert float(turned["rotation_deg"]) < 0.1
    assert float(metrics(sites, 0.3)["rotation_deg"]) == pytest.approx(np.degrees(0.3), rel=1e-3)


def test_the_network_is_given_the_middle_of_the_pattern_and_what_is_to_be_found():
    sample = TINY.simulate(2, 5)
    inputs = chain_inputs(sample, WINDOW)
    size = inputs["pattern"].shape[-1]
    assert inputs["pattern"].shape == inputs["live"].shape == (1, size, size)
    assert (size - 1) // 2 == int(np.ceil(1.7 / STEP))
    np.testing.assert_array_equal(inputs["pattern"][0], pattern_middle(sample["pattern"], STEP))
    # I(0) is not measured, and in the middle.
    assert inputs["live"][0, size // 2, size // 2] == 0
    np.testing.assert_array_equal(inputs["sites"][0], sample["sites"])
    np.testing.assert_array_equal(inputs["sites"][1], np.rot90(sample["sites"], 2))
    assert inputs["sites"].shape == (2, GRID, GRID)
    assert float(np.exp(inputs["log_chains"])) == pytest.approx(sample["sites"].sum(), rel=1e-5)
    assert float(inputs["rotation"]) == pytest.approx(np.radians(float(sample["rotation_deg"])))


def test_photons_are_counted_anew_in_each_step_and_alike_in_validation(
    network: ChainNetwork, batch: Batch, monkeypatch: pytest.MonkeyPatch
):
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    whole: Callable[..., ChainOutput] = network.forward

    def forward(pattern: torch.Tensor, live: torch.Tensor, level: torch.Tensor, *more: object) -> ChainOutput:
        seen.append((pattern, level))
        return whole(pattern, live, level, *more)

    monkeypatch.setattr(network, "forward", forward)
    generator = torch.Generator().manual_seed(0)
    for source in (generator, generator, None, None):
        chain_loss(network, batch, WINDOW, source)
    assert not torch.equal(seen[0][0], seen[1][0])
    torch.testing.assert_close(seen[2], seen[3])
    for pattern, level in seen:
        torch.testing.assert_close(level, torch.log10(pattern.sum((1, 2, 3))).clamp_max(FULL_LEVEL))
        assert all(is_counted(one) or row == FULL_LEVEL for one, row in zip(pattern, level, strict=True))


def test_a_level_is_the_logarithm_of_the_photons_up_to_where_more_are_no_better():
    levels = counted_level(torch.tensor([0.0, 1.0, 1000.0, 1e9]))
    torch.testing.assert_close(levels, torch.tensor([0.0, 0.0, 3.0, FULL_LEVEL]))


def test_bins_of_the_turn_cover_it_evenly():
    centres = turn_centres()
    assert float(centres[0]) == pytest.approx(MOST_TURNED / TURNS / 2)
    assert float(centres[-1]) == pytest.approx(MOST_TURNED * (1 - 0.5 / TURNS))
