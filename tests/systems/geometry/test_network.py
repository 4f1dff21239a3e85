"""The stage that looks at spots as points."""

import numpy as np
import pytest
import torch

from argand.physics.still.features import extract_features
from argand.systems.geometry.network import POINTS, CentreNetwork, SpotStage, switch_evidence

KNOWN = torch.tensor([[-5.0, 1.0]])
START = torch.tensor([[200.0, 210.0]])


@pytest.fixture(scope="module")
def points() -> torch.Tensor:
    found = torch.zeros(1, 12, 3)
    found[0, :7, :2] = 400 * torch.rand(7, 2, generator=torch.Generator().manual_seed(1))
    found[0, :7, 2] = torch.linspace(1, 4, 7)
    return found


@pytest.fixture(scope="module")
def stage() -> SpotStage:
    torch.manual_seed(2)
    return SpotStage(16).eval()


def test_the_order_of_spots_and_empty_rows_do_not_matter(stage: SpotStage, points: torch.Tensor):
    told = stage(points, KNOWN, START)
    assert torch.allclose(stage(points.flip(1), KNOWN, START), told, atol=1e-5)
    assert torch.allclose(stage(points[:, :7], KNOWN, START), told, atol=1e-5)
    assert not torch.allclose(stage(points[:, :6], KNOWN, START), told, atol=1e-3)


def test_only_the_place_relative_to_the_start_matters(stage: SpotStage, points: torch.Tensor):
    moved = points.clone()
    moved[0, :7, :2] += torch.tensor([13.0, -8.0])
    told = stage(moved, KNOWN, START + torch.tensor([[13.0, -8.0]]))
    assert torch.allclose(told, stage(points, KNOWN, START), atol=1e-4)


def test_an_image_without_spots_has_an_answer(stage: SpotStage):
    assert torch.isfinite(stage(torch.zeros(1, 12, 3), KNOWN, START)).all()


def test_a_fresh_network_hears_the_rings_alone(points: torch.Tensor):
    torch.manual_seed(3)
    network = CentreNetwork(16).eval()
    cells = torch.rand(1, 3, 416, 416)
    with torch.no_grad():
        told = network.fine(cells, points, KNOWN, START)
        assert torch.equal(told.shift, network.fine(cells, torch.zeros_like(points), KNOWN, START).shift)


def test_the_background_alone_has_no_points(points: torch.Tensor):
    _, left = switch_evidence(torch.ones(1, 3, 8, 8), points, "background")
    assert not left.any()
    _, kept = switch_evidence(torch.ones(1, 3, 8, 8), points, "spots")
    assert kept is points


def test_the_strongest_spots_are_the_points():
    rng = np.random.default_rng(4)
    image = rng.poisson(1.0, (512, 512)).astype(np.int32)
    for number, (slow, fast) in enumerate(rng.integers(20, 490, (40, 2))):
        image[slow : slow + 2, fast : fast + 2] += 50 + 10 * number
    seen = extract_features(image, np.ones(image.shape, bool))
    found = seen.points(8)
    assert (np.diff(found[:, 2]) <= 0).all()
    assert found[0, 2] == pytest.approx(np.log1p(seen.spots.counts.max()))
    brightest = seen.spots.px[np.argmax(seen.spots.counts)] / seen.binning
    assert found[0, :2] == pytest.approx(brightest, abs=1e-4)
    everything = seen.points(POINTS)
    assert np.count_nonzero(everything[:, 2]) == len(seen.spots)
