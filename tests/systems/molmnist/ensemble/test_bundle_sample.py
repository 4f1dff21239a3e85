"""A sample of a bundle shows its own atoms: their electrons by pixel, and what they scatter."""

import numpy as np
import pytest

from argand.physics.coherent.composition import ELECTRONS
from argand.physics.coherent.exposure import Detector
from argand.physics.coherent.projection import direct_intensity
from argand.systems.molmnist.ensemble import bundle_sample
from argand.systems.molmnist.ensemble.bundle_sample import simulate_bundle
from argand.systems.molmnist.ensemble.rod_ensemble import RodPose, draw_rod
from argand.systems.molmnist.fibril.bundle import Bundle, Bundles
from argand.systems.molmnist.fibril.fibril import diamond_sites
from argand.systems.molmnist.presets import PRESETS

IMAGING = PRESETS["hard"].imaging
SMALL = Bundles(chains=(4, 20), lengths=(100.0, 120.0))


def test_the_shape_is_the_histogram_of_the_atoms_electrons(monkeypatch: pytest.MonkeyPatch):
    rods, whole = [], bundle_sample.draw_rod
    monkeypatch.setattr(bundle_sample, "draw_rod", lambda *words: rods.append(whole(*words)) or rods[-1])
    sample = simulate_bundle(SMALL, Detector(), IMAGING, 0, np.random.default_rng(4))
    cart = np.concatenate(list(rods[0].atoms.values()))
    weight = np.concatenate([[ELECTRONS[name]] * len(part) for name, part in rods[0].atoms.items()])
    edges = np.arange(201) - 100.0
    direct, _, _ = np.histogram2d(cart[:, 1], cart[:, 0], bins=[edges, edges], weights=weight)
    np.testing.assert_array_equal(sample["shape"], direct)
    assert sample["shape"].sum() == weight.sum()
    assert sample["sites"].sum() == sample["chains"]
    turn = abs(sample["twist_deg_per_nm"]) * sample["length"] / 10
    assert sample["turn_deg"] == pytest.approx(turn, rel=1e-5)


def test_the_precise_camera_sees_what_a_sum_over_atoms_scatters():
    bundle = Bundle(diamond_sites(2, 3).astype(np.int64), "diamond", 0)
    rod = draw_rod(bundle, RodPose(10, 0.01, 0.3, 0.04, 1.0), np.random.default_rng(0))
    intensity = IMAGING.precise_camera.intensity(rod.atoms)
    assert intensity.dtype == np.float64
    chosen = np.random.default_rng(1).integers(55, 146, (60, 2))
    y, x = (2 * np.pi * (chosen - 100) / 200.0).T
    direct = direct_intensity(rod.atoms, np.stack([x, y, 0 * x], 1))
    seen, wanted = np.sqrt(intensity[chosen[:, 0], chosen[:, 1]]), np.sqrt(direct)
    # benchmarks/molmnist_forward.py: R of 0.5 % between 1 and 1.7 1/Å.
    assert np.abs(seen - wanted).sum() / wanted.sum() < 0.01


def test_photons_that_are_counted_are_those_expected():
    samples = [
        simulate_bundle(SMALL, Detector(photons=(500.0, 500.0)), IMAGING, 0, np.random.default_rng(seed))
        for seed in range(12)
    ]
    total = sum(float(sample["pattern"].sum()) for sample in samples)
    assert total == pytest.approx(6000, abs=5 * np.sqrt(6000))
    assert all(not sample["pattern"][~sample["live"]].any() for sample in samples)
