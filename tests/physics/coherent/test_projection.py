"""Patterns against sums over atoms one by one, and against closed forms."""

import gemmi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argand.errors import ConfigError
from argand.physics.coherent.projection import (
    Camera,
    Radiation,
    Window,
    cubic_spline,
    direct_intensity,
    highest_q,
    histogram,
    scattering_factors,
    spread,
)

WINDOW = Window(60.0, 60)
ELEMENTS = {"C", "O"}


def cloud(seed: int, count: int = 80) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {name: random.normal(0, [6, 5, 30], (count, 3)) for name in sorted(ELEMENTS)}


def amplitudes(window: Window, camera: Camera, atoms: dict, along: np.ndarray, radiation: Radiation = "xray"):
    """Amplitudes of the camera and of the direct sum over the pixels with q below 1.7 / Å."""
    pixels = np.argwhere(window.q < 1.7)
    q = 2 * np.pi * (pixels[:, ::-1] - window.size // 2) / window.side
    exact = direct_intensity(atoms, np.column_stack([q, along[tuple(pixels.T)]]), radiation)
    return np.sqrt(camera.intensity(atoms)[tuple(pixels.T)]), np.sqrt(exact)


@pytest.mark.parametrize("radiation", ["xray", "electron"])
def test_amplitudes_are_those_of_a_sum_over_atoms(radiation: Radiation):
    camera, flat = Camera(ELEMENTS, WINDOW, radiation), np.zeros_like(WINDOW.q)
    found, exact = amplitudes(WINDOW, camera, cloud(0), flat, radiation)
    assert np.abs(found - exact).sum() / exact.sum() < 0.01


def test_a_bent_ewald_sphere_is_that_of_a_sum_over_atoms():
    wavelength = 1.0
    k = 2 * np.pi / wavelength
    along = np.sqrt(k**2 - np.minimum(WINDOW.q, k) ** 2) - k
    found, exact = amplitudes(WINDOW, Camera(ELEMENTS, WINDOW, "xray", wavelength), cloud(1), along)
    assert np.abs(found - exact).sum() / exact.sum() < 0.01


def test_a_very_short_wavelength_leaves_the_sphere_flat():
    flat, bent = (
        Camera(ELEMENTS, WINDOW, "xray", wavelength).intensity(cloud(2)) for wavelength in (None, 1e-5)
    )
    np.testing.assert_allclose(bent, flat, rtol=2e-3, atol=flat.max() * 1e-6)


def test_beyond_the_widest_scattering_angle_nothing_is_seen():
    pattern = Camera(ELEMENTS, WINDOW, "xray", 4.0).intensity(cloud(3, 10))
    np.testing.assert_array_equal(np.isnan(pattern), WINDOW.q >= 2 * np.pi / 4.0 * np.sin(np.radians(60)))


def test_a_wavelength_inside_the_window_needs_few_slabs_and_keeps_its_accuracy(
    monkeypatch: pytest.MonkeyPatch,
):
    slab, heights = Camera._slab, []

    def counted(self: Camera, ordered: dict, height: float, step: float):
        heights.append(height)
        return slab(self, ordered, height, step)

    monkeypatch.setattr(Camera, "_slab", counted)
    wavelength, atoms = 3.0, cloud(5)
    k = 2 * np.pi / wavelength
    camera = Camera(ELEMENTS, WINDOW, "xray", wavelength)
    pixels = np.argwhere(WINDOW.q < highest_q(wavelength))
    q = 2 * np.pi * (pixels[:, ::-1] - WINDOW.size // 2) / WINDOW.side
    along = np.sqrt(k**2 - (q**2).sum(1)) - k
    exact = np.sqrt(direct_intensity(atoms, np.column_stack([q, along])))
    found = np.sqrt(camera.intensity(atoms)[tuple(pixels.T)])
    assert np.abs(found - exact).sum() / exact.sum() < 0.01
    depth = max(cart[:, 2].max() for cart in atoms.values()) - min(c[:, 2].min() for c in atoms.values())
    assert len(heights) < depth * k / 2 + 5


@given(st.floats(-0.5, 0.5), st.floats(0.05, 1.2))
def test_the_spline_between_slabs_sums_to_one_and_carries_the_phase(place: float, phase: float):
    knots = np.arange(-4, 5)
    share = cubic_spline(place - knots)
    assert share.sum() == pytest.approx(1.0)
    carried = (share * np.exp(1j * phase * knots)).sum() / np.sinc(phase / (2 * np.pi)) ** 4
    assert abs(carried - np.exp(1j * phase * place)) < 0.008


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from([16, 17, 24, 25]))
def test_patterns_are_centrosymmetric_blind_to_shifts_and_highest_in_the_middle(seed: int, size: int):
    window = Window(50.0, size)
    atoms = cloud(seed, 12)
    camera = Camera(ELEMENTS, window)
    pattern = camera.intensity(atoms)
    middle = size // 2
    assert pattern.argmax() == middle * size + middle
    electrons = sum(6 * len(a) if name == "C" else 8 * len(a) for name, a in atoms.items())
    assert pattern[middle, middle] == pytest.approx(electrons**2, rel=2e-3)
    inner = pattern[1:, 1:] if size % 2 == 0 else pattern
    np.testing.assert_allclose(inner, inner[::-1, ::-1], rtol=1e-4, atol=pattern.max() * 1e-6)
    pixel = window.side / size
    moved = {name: a + np.array([pixel, -2 * pixel, 0]) for name, a in atoms.items()}
    np.testing.assert_allclose(camera.intensity(moved), pattern, rtol=1e-3, atol=pattern.max() * 1e-5)


def test_x_runs_along_the_fast_axis():
    pair = {"C": np.array([[-5.0, 0.0, 0.0], [5.0, 0.0, 0.0]]), "O": np.zeros((0, 3))}
    pattern = Camera(ELEMENTS, WINDOW).intensity(pair)
    assert pattern[30, 33] < 0.1 * pattern[33, 30]
    image = histogram(np.array([[5.5, -3.5, 0.0]]), np.array([6.0]), WINDOW)
    assert image[26, 35] == 6.0


@given(st.integers(0, 10**6))
def test_projections_keep_the_electrons_inside_the_window(seed: int):
    random = np.random.default_rng(seed)
    cart, weight = random.uniform(-40, 40, (50, 3)), random.uniform(1, 8, 50)
    inside = (np.abs(cart[:, :2]) < 30).all(1)
    assert histogram(cart, weight, WINDOW).sum() == pytest.approx(weight[inside].sum())
    place, share = spread(cart[:, :2], 60.0, 120)
    np.testing.assert_allclose(share.sum(0), 1.0)
    assert ((place >= 0) & (place < 120**2)).all()


def test_a_window_that_is_too_small_samples_the_same_amplitudes():
    small = Window(30.0, 30)
    atoms = {name: 2 * cart for name, cart in cloud(4).items()}
    found, exact = amplitudes(small, Camera(ELEMENTS, small), atoms, np.zeros_like(small.q))
    assert np.abs(found - exact).sum() / exact.sum() < 0.01


def test_forward_scattering_is_the_number_of_electrons():
    zero = np.zeros(1)
    factors = scattering_factors({"H", "C", "O"}, zero)
    for name, electrons in (("H", 1), ("C", 6), ("O", 8)):
        assert factors[name][0] == pytest.approx(electrons, abs=0.01)


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="unknown element 'Q'"):
        Camera({"Q"}, WINDOW)
    with pytest.raises(ConfigError, match="8 pixels or more"):
        Window(100.0, 4)


@pytest.mark.parametrize("radiation", ["xray", "electron"])
def test_scattering_factors_are_gemmis(radiation: Radiation):
    q = np.array([0.0, 0.5, 2.0, 6.0])
    found = scattering_factors({"C", "Ti"}, q, radiation)
    for name, factor in found.items():
        element = gemmi.Element(name)
        table = element.it92 if radiation == "xray" else element.c4322
        np.testing.assert_allclose(
            factor, [table.calculate_sf((one / (4 * np.pi)) ** 2) for one in q], rtol=1e-6
        )
