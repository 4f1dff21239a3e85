"""From near the truth the fit finds the chains of a pattern, and knows what a right answer leaves."""

import numpy as np
import pytest
import torch

from argand.physics.coherent.exposure import Detector, Exposure, expose
from argand.physics.coherent.projection import Window
from argand.systems.molmnist.ensemble.rod_ensemble import RodPose, draw_rod
from argand.systems.molmnist.fibril.bundle import Bundle, occupancy
from argand.systems.molmnist.inversion import chain_fit
from argand.systems.molmnist.inversion.chain_counts import SeenPattern
from argand.systems.molmnist.inversion.chain_fit import FittedChains, fit_chains
from argand.systems.molmnist.inversion.chain_model import ChainModel, ChainPose
from argand.systems.molmnist.inversion.chain_reading import SAMPLES, drawn
from argand.systems.molmnist.simulate import Imaging

WINDOW = Window(100.0, 64)
BUNDLE = Bundle(
    np.array(
        [[0, 0], [1, 1], [2, 0], [1, -1], [2, 2], [3, 1], [4, 2], [-1, 1], [3, 3], [0, 2], [4, 0], [2, -2]]
    ),
    "irregular",
    0,
)
ROTATION, TURN = 0.8, 60.0
"""Radians, and degrees between the ends."""


def counted(photons: float, seed: int = 4) -> tuple[np.ndarray, np.ndarray, float]:
    """Counts of the bundle with background and point spread, the measured pixels, and its turn in degrees."""
    random = np.random.default_rng(seed)
    pose = RodPose(15, 0.0, ROTATION, np.radians(1.0), 0.3)
    pose = RodPose(15, np.radians(TURN) / pose.length, ROTATION, pose.tilt, pose.tilt_azimuth)
    rod = draw_rod(BUNDLE, pose, random)
    live = WINDOW.q > 0.04
    # A gap beside the middle.
    live[20:23] = False
    exposure = Exposure(photons, 0.02, 0.3, live)
    intensity = Imaging(WINDOW).precise_camera.intensity(rod.atoms)
    pattern = expose(intensity, exposure, Detector(), WINDOW, random)
    return pattern, live, float(np.degrees(abs(rod.twist) * pose.length))


def started(pattern: np.ndarray, live: np.ndarray, sites: torch.Tensor) -> FittedChains:
    """The fit from the chains of `sites` and a pose that is a little off."""
    pose = ChainPose(
        torch.tensor([ROTATION + 0.04, ROTATION - 0.05]),
        torch.deg2rad(torch.tensor([TURN + 12.0, TURN - 15.0])),
        torch.full((2, 2), 0.5),
        torch.full((2, 2), 0.1),
    )
    return fit_chains(SeenPattern(pattern, live, WINDOW), ChainModel(), 8 * sites - 4, pose)


def nearly() -> torch.Tensor:
    """The chains with one too many and one too few."""
    sites = torch.from_numpy(occupancy(BUNDLE.sites))
    taken, free = torch.nonzero(sites > 0), torch.nonzero(sites == 0)
    beside = free[(free - taken.float().mean(0)).norm(dim=1).argsort()[0]]
    wrong = sites.clone()
    wrong[tuple(taken[0])], wrong[tuple(beside)] = 0, 1
    return wrong


@pytest.fixture(scope="module")
def many() -> FittedChains:
    """The fit to 10⁵ photons."""
    pattern, live, _ = counted(1e5)
    return started(pattern, live, nearly())


def test_chains_and_turn_are_found_from_a_start_that_is_a_little_off(many: FittedChains):
    truth = torch.from_numpy(occupancy(BUNDLE.sites))
    assert (nearly() != truth).sum() == 2
    torch.testing.assert_close((many.sites > 0.5).float(), truth)
    assert float(torch.rad2deg(many.pose.turn)[0]) == pytest.approx(counted(1e5)[2], abs=3.0)
    assert float(many.pose.rotation[0]) == pytest.approx(ROTATION, abs=0.05)
    # Thermal motion and counting are drawn in both: the two are of one size, not equal.
    assert 0.7 < many.misfit / many.expected < 1.3


def test_another_bundle_leaves_more_than_a_right_answer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(chain_fit, "KICKS", 0)
    pattern, live, _ = counted(1e5)
    found = started(pattern[:, ::-1].copy(), live[:, ::-1].copy(), nearly())
    assert found.misfit > 1.3 * found.expected


def test_few_photons_leave_chains_and_turn_in_doubt(many: FittedChains, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(chain_fit, "KICKS", 0)
    few = started(*counted(300.0)[:2], nearly())
    doubt = [float((one.sites * (1 - one.sites)).sum().sqrt()) for one in (few, many)]
    assert doubt[0] > 3 * doubt[1]
    assert float(few.covariance[1, 1]) > 4 * float(many.covariance[1, 1])
    (sites, poses), (sure, same) = drawn(few), drawn(many)
    assert len(sites) == len(poses) == SAMPLES
    assert sites.std(0).sum() > sure.std(0).sum()
    assert float(poses.turn.std()) > float(same.turn.std())


def test_background_alone_is_answered_and_not_by_a_crash(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(chain_fit, "KICKS", 2)
    live = WINDOW.q > 0.04
    counts = np.where(live, np.random.default_rng(0).poisson(2.0, live.shape), 0).astype(np.float32)
    # No site held possible: nothing is there to begin with.
    found = started(counts, live, torch.zeros(17, 17) - 1.0)
    assert torch.isfinite(found.sites).all()
    assert np.isfinite([found.misfit, found.expected]).all()
