"""Options of `simulate` change what they say and nothing else, or are refused."""

from pathlib import Path

import numpy as np
import pytest

from argand.errors import ConfigError
from argand.systems.molmnist.benchmark.measurement import Measurement
from argand.systems.molmnist.presets import PRESETS


@pytest.mark.parametrize("name", ["standard", "hard", "published"])
def test_nothing_asked_changes_nothing(name: str):
    assert Measurement().applied(PRESETS[name]) == PRESETS[name]


def test_fibrils_are_measured_as_asked():
    asked = Measurement(100, 150.0, "electron", 0.02, 1e4, 0.05, 0.5, (Path("run"),))
    imaging = asked.applied(PRESETS["standard"]).imaging
    assert (imaging.window.size, imaging.window.side) == (100, 150.0)
    assert (imaging.radiation, imaging.wavelength, imaging.photons) == ("electron", 0.02, 1e4)
    assert (imaging.beam_stop, imaging.blur_px) == (0.05, 0.5)
    assert asked.applied(PRESETS["standard"]).trajectories == ("run",)


def test_bundles_get_one_value_in_place_of_a_range():
    system = Measurement(size=64, photons=300.0, beam_stop=0.1, blur=0.2).applied(PRESETS["hard"])
    sample = system.simulate(3, 0)
    assert sample["photons"] == 300
    assert sample["blur_px"] == np.float32(0.2)
    assert sample["pattern"].shape == (64, 64)
    assert not sample["live"][system.imaging.window.q < 0.1].any()
    free = PRESETS["hard"].simulate(3, 0)
    np.testing.assert_array_equal(sample["sites"], free["sites"])


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Measurement(wavelength=1.0), "leave --wavelength out"),
        (Measurement(trajectories=(Path("run"),)), "leave --trajectory out"),
        (Measurement(photons=0.0), "photons above 0"),
        (Measurement(beam_stop=9.0), "hides the whole pattern"),
    ],
)
def test_what_does_not_go_with_bundles_is_refused(asked: Measurement, message: str):
    with pytest.raises(ConfigError, match=message):
        asked.applied(PRESETS["hard"])
