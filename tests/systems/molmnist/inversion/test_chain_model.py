"""The model of bundles against sums over the atoms of rods that do not move, and against their pictures."""

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from argand.physics.coherent.composition import ELECTRONS
from argand.physics.coherent.projection import Window, histogram, scattering_factors
from argand.systems.molmnist.ensemble.elastic_ensemble import EnsembleParameters
from argand.systems.molmnist.ensemble.rod_ensemble import RodPose, chain_template, draw_rod, leaning
from argand.systems.molmnist.fibril.bundle import GRID, Bundle, occupancy
from argand.systems.molmnist.fibril.cellulose import cellulose
from argand.systems.molmnist.fibril.fibril import chain_places, chain_sites
from argand.systems.molmnist.inversion import chain_model
from argand.systems.molmnist.inversion.chain_model import ChainModel, ChainPose, surface_of
from argand.systems.molmnist.inversion.chain_reading import bundle_images

REPEATS = 12
"""A rod of 125 Å."""
LENGTH = 2 * REPEATS * cellulose().rise
SITES = {
    "4x4": chain_sites("4x4").astype(np.int64),
    "4x6": chain_sites("4x6").astype(np.int64),
    # Every chain has a place of its own here: no half turn and no mirror leaves it as it is.
    "irregular": np.array([[0, 0], [1, 1], [2, 0], [1, -1], [2, 2], [3, 1], [4, 2], [-1, 1], [3, 3]]),
}


def pose_of(rotation: float, turn: float, drift: Sequence[float] = (0.0, 0.0)) -> ChainPose:
    """One pose; radians and Å."""
    numbers = (torch.tensor([one], dtype=torch.float32) for one in (rotation, turn))
    return ChainPose(*numbers, torch.tensor([drift], dtype=torch.float32), torch.zeros(1, 2))


def sites_of(sites: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(occupancy(sites))[None]


def still_atoms(
    sites: np.ndarray, rotation: float, turn: float, drift: Sequence[float]
) -> dict[str, np.ndarray]:
    """Atoms of chains at their places in the crystal, about their centroid: twisted, turned and leaning."""
    places = chain_places(sites.astype(float))
    places = places - places.mean(0)
    tilt, azimuth = np.arctan2(np.hypot(*drift), LENGTH), np.arctan2(*drift[::-1])
    atoms: dict[str, list[np.ndarray]] = {name: [] for name in ELECTRONS}
    for site, place in zip(sites, places, strict=True):
        template = chain_template(int(site[0] % 2), 2 * REPEATS)
        cart = template.cart + np.append(place, 0.0)
        angle = rotation + turn / LENGTH * cart[:, 2]
        x, y = (np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))
        flat = cart[:, :1] * np.stack(x, 1) + cart[:, 1:2] * np.stack(y, 1)
        cart = leaning(np.column_stack([flat, cart[:, 2]]), tilt, azimuth)
        for name, part in template.parts.items():
            atoms[name].append(cart[part])
    return {name: np.concatenate(parts) for name, parts in atoms.items()}


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> ChainModel:
    """The model of chains that do not move."""
    told = chain_model.read_parameters()
    quiet = EnsembleParameters(**{**vars(told), "glucose_rms": 0.0, "disorder": 1.0})
    monkeypatch.setattr(chain_model, "read_parameters", lambda: quiet)
    crystal = cellulose()

    chains = [SimpleNamespace(glucose=one.glucose, u_iso=0.0 * one.u_iso) for one in crystal.chains]
    frozen = SimpleNamespace(chains=chains, orthogonalisation=crystal.orthogonalisation)
    monkeypatch.setattr(chain_model, "cellulose", lambda: frozen)
    monkeypatch.setattr(chain_model, "_chain_table", chain_model._chain_table.__wrapped__)
    return ChainModel("xray")


@pytest.mark.parametrize(
    ("name", "rotation", "turn", "drift"),
    [
        ("4x4", 0.0, 0.0, (0.0, 0.0)),
        ("4x6", 0.7, 0.6, (0.0, 0.0)),
        ("irregular", -0.4, 1.2, (3.0, -4.0)),
    ],
)
def test_amplitudes_are_those_of_a_sum_over_all_atoms(
    still: ChainModel, name: str, rotation: float, turn: float, drift: Sequence[float]
):
    random = np.random.default_rng(0)
    q = 1.7 * np.sqrt(random.random(400))[:, None] * unit(random.uniform(0, np.pi, 400))
    length = np.hypot(*q.T)
    factors = scattering_factors(set(ELECTRONS), length, "xray")
    direct = np.zeros(len(q), complex)
    for element, cart in still_atoms(SITES[name], rotation, turn, drift).items():
        direct += factors[element] * np.exp(1j * q @ cart[:, :2].T).sum(1)
    # The model is of one glucose of each chain.
    direct /= 2 * REPEATS
    found = still.waves(sites_of(SITES[name]), pose_of(rotation, turn, drift), torch.from_numpy(q).float())
    # Of that, 0.02 are that one kind of chain lies higher than the other and so is turned more.
    assert r_of(found[0].numpy(), direct) < 0.04


def unit(angle: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(angle), np.sin(angle)], 1)


def r_of(found: np.ndarray, direct: np.ndarray) -> float:
    """Mean difference of complex amplitudes over their mean size."""
    return float(np.abs(found - direct).sum() / np.abs(direct).sum())


@pytest.mark.parametrize("name", SITES)
def test_amplitudes_are_the_sum_of_those_of_their_sites(name: str):
    model, sites, pose = ChainModel("xray"), sites_of(SITES[name]), pose_of(0.5, 0.9, (2.0, 5.0))
    q = torch.from_numpy(np.random.default_rng(1).uniform(-1.2, 1.2, (300, 2))).float()
    count = model.slices(sites, pose, 1.7)
    waves = model.waves(sites, pose, q, count)[0]
    by_site = (model.site_waves(sites[0], pose, q, count) * sites[0]).sum((1, 2))
    # Linear interpolation of the lattice's transform against none.
    assert r_of(waves.numpy(), by_site.numpy()) < 0.003


def test_a_map_turned_by_half_has_the_conjugate_amplitude_and_the_opposite_lean():
    model, q = ChainModel("xray"), torch.tensor([[0.3, 0.2], [0.1, -0.9], [1.2, 0.4]])
    sites = sites_of(SITES["irregular"])
    first = model.waves(sites, pose_of(0.5, 0.9, (2.0, 5.0)), q)
    second = model.waves(sites.flip((1, 2)), pose_of(0.5, 0.9, (-2.0, -5.0)), q)
    torch.testing.assert_close(second, first.conj(), rtol=1e-4, atol=1e-3)


def test_the_centroid_is_the_mean_place_of_the_chains():
    model, sites = ChainModel("xray"), sites_of(SITES["irregular"])
    rows = np.argwhere(sites[0].numpy() > 0) - GRID // 2
    a, b = cellulose().orthogonalisation[:2, 0], cellulose().orthogonalisation[:2, 1]
    expected = (rows[:, :1] * (a + b) / 2 + rows[:, 1:] * (a - b) / 2).mean(0)
    np.testing.assert_allclose(model.centroid(sites)[0].numpy(), expected, atol=1e-4)


def test_slices_grow_with_turn_lean_and_width_and_are_enough():
    model, sites = ChainModel("xray"), sites_of(SITES["4x6"])
    small, pose = sites_of(SITES["4x4"]), pose_of(0.0, 2.0, (6.0, 0.0))
    count = model.slices(sites, pose, 1.7)
    assert model.slices(small, pose, 1.7) < count
    assert model.slices(sites, pose_of(0.0, 1.0, (6.0, 0.0)), 1.7) < count
    assert model.slices(sites, pose_of(0.0, 2.0), 1.7) < count
    assert model.slices(sites, pose_of(0.0, 0.0), 1.7) == 4
    q = torch.from_numpy(1.7 * unit(np.linspace(0, np.pi, 60))).float()
    fine = model.waves(sites, pose, q, 4 * count)
    largest = float(model.waves(sites, pose_of(0.0, 0.0), q, 4).abs().max())
    assert float((model.waves(sites, pose, q, count) - fine).abs().max()) < 0.005 * largest


def test_chains_beside_empty_sites_are_at_the_surface():
    sites = sites_of(SITES["4x4"])[0]
    inside = (1 - surface_of(sites)) * sites
    assert inside.sum() == 4
    assert surface_of(torch.ones(GRID, GRID)).sum() == 4 * (GRID - 1)


@pytest.mark.parametrize("size", [128, 127])
def test_pictures_have_the_electrons_and_the_place_of_a_simulated_bundle(size: int):
    window, sites, rotation = Window(100.0, size), SITES["irregular"], 0.6
    bundle = Bundle(sites, "irregular", 0)
    pose = RodPose(REPEATS, 0.5 / LENGTH, rotation, 0.0, 0.0)
    rod = draw_rod(bundle, pose, np.random.default_rng(2))
    cart = np.concatenate(list(rod.atoms.values()))
    weight = np.concatenate([np.full(len(part), ELECTRONS[name]) for name, part in rod.atoms.items()])
    truth = histogram(cart, weight, window)
    image = bundle_images(ChainModel(None), sites_of(sites), pose_of(rotation, 0.5), window)[0]
    # A glucose of a chain is C6 H10 O5, 86 electrons, and pictures are 200 Å long.
    assert image.sum() == pytest.approx(len(sites) * 86 * 200.0 / cellulose().rise, rel=1e-4)
    found = correlation(image, truth)
    assert found > 0.9
    others = [image.T, image[::-1], image[:, ::-1], image[::-1, ::-1], image.T[::-1, ::-1]]
    assert max(correlation(one, truth) for one in others) < found - 0.25


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])


def test_every_site_has_a_wave_where_no_chain_is_known():
    pose = ChainPose(torch.tensor([0.3]), torch.tensor([0.5]), torch.zeros(1, 2), torch.zeros(1, 2))
    q = torch.rand(9, 2, generator=torch.Generator().manual_seed(0))
    waves = ChainModel().site_waves(torch.zeros(17, 17), pose, q, 4)
    assert (waves.abs().amax(0) > 0).all()
