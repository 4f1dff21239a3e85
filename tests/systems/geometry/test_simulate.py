"""Sets of stills: reproducible, within their ranges, and each preset true to its name."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from argand.errors import ConfigError
from argand.physics.still.features import CANVAS, to_canvas
from argand.physics.still.panel import PANELS
from argand.physics.still.still import expose
from argand.systems.geometry.presets import PRESETS, STANDARD
from argand.systems.geometry.simulate import StillSet, binarise, draw_still, simulate_still

POSTER = ("standard", "varied-distance", "flat-background", "binary", "long-distance")


def drawn(settings: StillSet, count: int = 200) -> list:
    return [draw_still(settings, np.random.default_rng([0, index])) for index in range(count)]


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_draws_images_with_photons(name: str):
    settings = PRESETS[name].stills
    for index in range(2):
        still, counts, live, _ = simulate_still(settings, index, 1)
        assert counts.shape == live.shape == still.shape
        assert counts.dtype == np.float32
        assert np.all(np.isfinite(counts))
        assert counts.min() >= 0
        assert counts.any()
        assert not counts[live == 0].any()


@pytest.mark.parametrize("name", ["standard", "realistic"])
def test_index_and_seed_fix_the_image(name: str):
    settings = PRESETS[name].stills
    _, first, _, _ = simulate_still(settings, 5, 11)
    _, again, _, _ = simulate_still(settings, 5, 11)
    np.testing.assert_array_equal(first, again)
    for index, seed in ((6, 11), (5, 12)):
        other = simulate_still(settings, index, seed)[1]
        assert other.shape != first.shape or not np.array_equal(other, first)


def test_dead_pixels_leave_all_else_as_it_is():
    settings, changed = PRESETS["realistic"].stills, 0
    for index in range(6):
        still, counts, _, _ = simulate_still(settings, index, 11)
        rng = np.random.default_rng([11, index])
        without, *_ = expose(replace(draw_still(settings, rng), dead_px=0), rng)
        differ = np.count_nonzero(without != counts)
        assert differ <= still.dead_px
        changed += differ
    assert changed > 6


@pytest.mark.parametrize("name", POSTER)
def test_poster_sets_keep_the_centre_within_17_detector_pixels_of_the_middle(name: str):
    settings = PRESETS[name].stills
    stills = drawn(settings)
    assert {still.shape for still in stills} == {(820, 820)}
    centres = np.array([still.geometry.beam_centre_px for still in stills]) * settings.binning
    offset = centres - 1230.0
    assert np.abs(offset).max() <= 17.0
    assert np.abs(offset).max() > 16.0
    assert offset.mean(axis=0) == pytest.approx(0.0, abs=2.5)


@pytest.mark.parametrize("name", POSTER)
def test_tilts_are_of_three_degrees_and_not_of_three_hundredths(name: str):
    sample = PRESETS[name].simulate(0, 3)
    still = draw_still(PRESETS[name].stills, np.random.default_rng([3, 0]))
    np.testing.assert_allclose(np.radians(sample["tilt_deg"]), [still.geometry.pitch, still.geometry.yaw])
    tilts = np.degrees([[s.geometry.pitch, s.geometry.yaw] for s in drawn(PRESETS[name].stills)])
    assert 2.9 < np.abs(tilts).max() <= 3.0
    # What a constant predictor of a uniform tilt is wrong by on average.
    assert np.abs(tilts).mean() == pytest.approx(1.5, abs=0.15)


def test_sets_differ_in_what_their_names_say():
    distances = {name: [s.geometry.distance_mm for s in drawn(PRESETS[name].stills, 60)] for name in POSTER}
    assert set(np.round(distances["standard"], 6)) == {250.0}
    assert set(np.round(distances["long-distance"], 6)) == {600.0}
    assert min(distances["varied-distance"]) < 200.0 < 400.0 < max(distances["varied-distance"])
    assert all(still.uniform for still in drawn(PRESETS["flat-background"].stills, 20))
    assert not any(still.uniform for still in drawn(PRESETS["standard"].stills, 20))
    counts = simulate_still(PRESETS["binary"].stills, 3, 1)[1]
    assert set(np.unique(counts)) == {0.0, 1.0}


def test_flat_background_has_photon_statistics_and_no_slope():
    settings = StillSet(background="flat", spot_scale=(1e-3, 1e-3))
    still, counts, live, _ = simulate_still(settings, 0, 4)
    pixels = counts[live == 1.0]
    assert pixels.mean() == pytest.approx(still.diffuse.flat * 0.516**2, rel=5e-3)
    assert pixels.astype(float).var() / pixels.mean() == pytest.approx(1.0, abs=0.02)
    halves = [counts[half][live[half] == 1.0].mean() for half in (np.s_[:, :410], np.s_[:, 410:])]
    assert halves[0] == pytest.approx(halves[1], rel=5e-3)


def test_realistic_varies_everything_that_a_beamline_varies():
    stills = drawn(PRESETS["realistic"].stills, 400)
    names = Counter(still.panel.name for still in stills)
    assert set(names) == {*PANELS, "random"}
    for condition in (
        lambda s: s.crystal is None,
        lambda s: s.stop is None,
        lambda s: s.shadow is not None,
        lambda s: len(s.diffuse.rings) > 8,
        lambda s: s.diffuse.small_angle > 0,
        lambda s: s.gain != 1.0,
        lambda s: s.hot_px > 8,
        lambda s: s.dead_px > 12,
        lambda s: s.crystal is not None and max(s.crystal.cell.lengths) < 30,
        lambda s: s.crystal is not None and max(s.crystal.cell.lengths) > 200,
    ):
        assert 5 < sum(map(condition, stills)) < 395
    for still in stills:
        assert max(still.shape) <= CANVAS
        assert 80.0 <= still.geometry.distance_mm <= 700.0
        assert 0.55 <= still.geometry.wavelength <= 1.6
        assert still.panel.counting == (still.gain == 1.0)


def test_a_full_frame_of_the_detector_can_be_taken():
    settings = StillSet(crop=None, binning=1)
    still, counts, live, _ = simulate_still(settings, 0, 0)
    assert counts.shape == (2527, 2463)
    np.testing.assert_array_equal(live > 0, still.panel.live())


def test_binary_image_marks_what_stands_out():
    counts = np.random.default_rng(0).poisson(9.0, (200, 200)).astype(np.float32)
    counts[50, 60] = 200.0
    marked = binarise(counts, np.ones_like(counts))
    assert marked[50, 60] == 1.0
    assert marked.sum() < 5


def test_canvas_pads_the_far_edges_only():
    image = np.ones((3, 4))
    padded = to_canvas(image, 6)
    assert padded.shape == (6, 6)
    np.testing.assert_array_equal(padded[:3, :4], image)
    assert padded.sum() == image.sum()


@pytest.mark.parametrize("options", [{"detectors": ("polaroid",)}, {"background": "green"}])
def test_unknown_settings_are_refused_with_the_known_ones(options: dict):
    with pytest.raises(ConfigError, match=r"use .*(pilatus-6m|flat)"):
        StillSet(**options)


def test_standard_is_the_default():
    assert StillSet() == STANDARD == PRESETS["standard"].stills


def test_a_mixture_has_its_share_of_each_set():
    best = PRESETS["best"]
    sets = [best.set_of(index) for index in range(500)]
    for portion in best.portions:
        assert sets.count(portion.stills) / 500 == pytest.approx(portion.share, abs=0.01)
    rest = 1 - sum(portion.share for portion in best.portions)
    assert sets.count(best.stills) / 500 == pytest.approx(rest, abs=0.01)
