"""Simulated stills as if read from files, and the predictions for each."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np

from argand.io.image import Frame
from argand.physics.still.detector import BeamGeometry
from argand.system import preset
from argand.systems.geometry.network import EvidenceKind
from argand.systems.geometry.presets import PRESETS
from argand.systems.geometry.refine.options import PLAIN, Options
from argand.systems.geometry.refine.prediction import Prediction
from argand.systems.geometry.simulate import StillSet, simulate_still

LIVE_SHARE = 0.99
"""Least live share of a usable pixel. By hand: all of it but for rounding."""


@runtime_checkable
class FramePredictor(Protocol):
    """What is evaluated: anything that predicts a frame."""

    def predict_frame(self, frame: Frame, options: Options = PLAIN) -> Prediction:
        """Centre and tilt of one frame from the evidence that may be used."""
        ...


@dataclass(frozen=True)
class Outcome:
    """One still's true geometry and shape (slow, fast), and its prediction from each kind of evidence.

    Positions are in px of the image, which are `binning` px of the detector wide.
    """

    index: int
    truth: BeamGeometry
    shape: tuple[int, int]
    binning: int
    predictions: dict[EvidenceKind, Prediction]


@dataclass(frozen=True)
class StillWork:
    """What a process needs to evaluate stills by number."""

    preset_name: str
    settings: StillSet
    seed: int
    predictor: FramePredictor
    evidence: tuple[EvidenceKind, ...]

    def __call__(self) -> "Callable[[Sequence[int]], Iterator[Outcome]]":
        """The function that gives the outcome of each still."""
        return lambda indices: map(self.outcome, indices)

    def outcome(self, index: int) -> Outcome:
        """The predictions for a still, with its truth."""
        still, counts, live, _ = simulate_still(self.settings, index, self.seed)
        frame = simulated_frame(f"{self.preset_name}-{index}", index, still.geometry, counts, live)
        predictions: dict[EvidenceKind, Prediction] = {
            kind: self.predictor.predict_frame(frame, Options(kind)) for kind in self.evidence
        }
        return Outcome(index, still.geometry, still.shape, still.binning, predictions)


def evaluation_set(preset_name: str, full: bool = True) -> StillSet:
    """The preset's stills, with `full` on the detector's own pixels; ConfigError for an unknown preset."""
    stills = preset(preset_name, PRESETS).stills
    return replace(stills, binning=1) if full else stills


def simulated_frame(
    name: str, index: int, geometry: BeamGeometry, counts: np.ndarray, live: np.ndarray
) -> Frame:
    """A simulated image [slow, fast] as if read from a file whose header does not state the beam centre.

    Pixels of a live share of LIVE_SHARE or less are masked.
    """
    return Frame(
        name,
        index,
        counts.astype(np.int32),
        live > LIVE_SHARE,
        pixel_size_mm=geometry.pixel_size_mm,
        distance_mm=geometry.distance_mm,
        wavelength=geometry.wavelength,
    )
