"""From an image to beam centre and tilt: network first, then the physics that the image has evidence for."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import torch

from argand.errors import InputError
from argand.io.image import Frame, read_frame, with_overrides
from argand.io.resource import shipped_weights
from argand.io.weights import load_weights, restore
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.features import Features, bin_cells, extract_features
from argand.physics.still.lattice import LatticeFit, fit_lattice
from argand.physics.still.lattice_refinement import Prior
from argand.physics.still.ring import RingFit, fit_rings
from argand.physics.still.spot import Spots, is_binary
from argand.system import from_config
from argand.systems.geometry.network import POINTS, CentreNetwork, EvidenceKind
from argand.systems.geometry.refine.options import PLAIN, Options
from argand.systems.geometry.refine.prediction import Prediction
from argand.systems.geometry.refine.verdict import average, decide, lattice_doubts
from argand.systems.geometry.system import Geometry, known_numbers
from argand.typing import Image, Mask

WEIGHTS = shipped_weights("geometry-best") / "model.safetensors"
TILT_PRIOR = np.radians(2.0)
"""Standard deviation of each tilt angle about zero that the fits assume, in radians. By hand: those of the
simulated sets (within 3°, 1.7° root mean square) fit in, and those that refinement gives at beamlines (0.08
to 0.50°) are hardly drawn by it."""
NETWORK_SIGMA_SCALE = 2.0
"""Factor on the network's own standard deviation, from its errors on simulated validation images. Chosen, as
are SPOTS_SIGMA_SCALE and BINARY_SIGMA_SCALE, with some of the stills in sight on which
benchmarks/geometry_simulated.py reports the calibration, so that this flatters them; on no real image."""

LATTICE_SPOTS, LATTICE_SHARE = 20, 0.25
"""Least number of spots that a lattice must explain, and least share of those offered, beyond chance.
By hand: 20 spots are 40 numbers for the 14 of a fit; benchmarks/geometry_simulated.py counts wrong ones."""
MOST_CELLS = 1.6e6
"""Largest number of cells that rings are fitted on, for the sake of time: a 6M detector binned 2x2."""
CELL_FLOOR, TILT_FLOOR = 0.1, np.radians(0.03)
"""Least standard deviation of a centre from rings, in cells, and of each angle, in radians. By hand: a
ring that is narrower than a cell is placed no better than to a part of it; the angle as for a lattice."""
GRAINY_SPOTS, GRAINY_CHI2 = 50, 2.5
"""Number of spots without a lattice that may be the grains of bright rings, and the chi² per sector up to
which a fit with them left in counts. By hand; the fit itself gives up at 10."""
SPOTS_SIGMA_SCALE, NO_CLUE_PX = 2.5, 20.0
"""Factor where only the spots speak, likewise measured: where the background leaves more px (by hand)."""
BINARY_SIGMA_SCALE = 1.5
"""Factor for images of zeros and ones, which the network was not trained on; likewise measured."""


class Predictor:
    """The trained network with the refinement behind it; one per process is enough."""

    def __init__(self, system: Geometry, network: CentreNetwork) -> None:
        self.system = system
        self.network = network.eval().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def predict(
        self,
        source: str | Path | np.ndarray | Frame,
        *,
        mask: str | Path | np.ndarray | None = None,
        wavelength: float | None = None,
        distance_mm: float | None = None,
        pixel_size_mm: float | tuple[float, float] | None = None,
        index: int = 0,
        options: Options = PLAIN,
    ) -> Prediction:
        """Beam centre and tilt of one image: a file (frame `index` of it), a Frame, or an array [slow, fast].

        Lengths in mm, wavelength in Å; they override what the file says, and an array needs all three.
        Raises InputError where the file cannot be read or a needed number is missing.
        """
        began = time.perf_counter()
        if options.evidence not in get_args(EvidenceKind):
            raise InputError(f"evidence '{options.evidence}' is none of {', '.join(get_args(EvidenceKind))}")
        if isinstance(source, np.ndarray):
            if source.ndim != 2:
                raise InputError(
                    f"an array of {source.ndim} dimensions is no image; give one frame [slow, fast]"
                )
            usable = np.isfinite(source) & (source >= 0)
            source = Frame("array", 0, source, usable, None, None, None, None)
        frame = source if isinstance(source, Frame) else read_frame(source, index)
        if isinstance(pixel_size_mm, int | float):
            pixel_size_mm = (float(pixel_size_mm), float(pixel_size_mm))
        frame = with_overrides(
            frame, wavelength=wavelength, distance_mm=distance_mm, pixel_size_mm=pixel_size_mm, mask=mask
        )
        answer = self.predict_frame(frame, options)
        return replace(answer, seconds=time.perf_counter() - began)

    def predict_frame(self, frame: Frame, options: Options = PLAIN) -> Prediction:
        """Beam centre and tilt of one frame. Raises InputError as `nominal_geometry` does."""
        began = time.perf_counter()
        evidence, refine = options.evidence, options.refine
        nominal = nominal_geometry(frame)
        seen = extract_features(frame.data, frame.mask)
        network, sigma, tilt = self._ask(seen, nominal, evidence)
        if is_binary(frame.data, frame.mask):
            sigma *= BINARY_SIGMA_SCALE
        elif evidence == "spots" or (evidence == "both" and self._rests_on_spots(seen, nominal, sigma)):
            sigma *= SPOTS_SIGMA_SCALE
        start = nominal.with_centre(network)
        lattice = rings = None
        if refine and evidence != "background":
            lattice = _try_lattice(seen.spots, start, sigma)
        if refine and (lattice is None or lattice_doubts(lattice)) and evidence != "spots":
            rings = _try_rings(frame, seen, start, sigma, grainy=lattice is None)
        answer = decide(frame, seen, start, sigma, lattice, rings)
        return replace(
            answer,
            network_centre_px=network,
            network_sigma_px=sigma,
            network_tilt_deg=tilt,
            seconds=time.perf_counter() - began,
        )

    def pool(
        self, frames: Sequence[Frame], predictions: Sequence[Prediction], options: Options = PLAIN
    ) -> Prediction:
        """One geometry for several frames that share it.

        Frames with a lattice or rings are averaged by their covariances; where no frame alone is
        reliable, the frames are summed and looked at again. `predictions` are those of the frames.
        Raises InputError where frames that must be summed differ in shape.
        """
        began = time.perf_counter()
        good = [p for p in predictions if p.reliable and p.covariance is not None]
        answer = average(good) if good else self.predict_frame(sum_frames(frames), options)
        notes = tuple(dict.fromkeys([*(note for f in frames for note in f.notes), *answer.notes]))
        return replace(
            answer, file="pooled", frames=len(frames), notes=notes, seconds=time.perf_counter() - began
        )

    def _rests_on_spots(self, seen: Features, nominal: BeamGeometry, sigma: float) -> bool:
        """Whether the background would leave the network without a clue."""
        # Half, by hand: where both kinds of evidence together leave less, the background has its part in it.
        return sigma > 0.5 * NO_CLUE_PX and self._ask(seen, nominal, "background")[1] > NO_CLUE_PX

    def _ask(
        self, seen: Features, nominal: BeamGeometry, evidence: EvidenceKind
    ) -> tuple[tuple[float, float], float, tuple[float, float]]:
        """Centre (px), its standard deviation (px) and tilt (degrees) from the network alone."""
        cell_mm = nominal.pixel_size_mm[0] * seen.binning
        known = known_numbers(cell_mm, nominal.distance_mm, nominal.wavelength)
        with torch.inference_mode():
            cells = torch.from_numpy(seen.cells())[None]
            points = torch.from_numpy(seen.points(POINTS))[None]
            given = torch.from_numpy(known)[None]
            coarse, centre, fine = self.network(cells, points, given, evidence=evidence)
            _, coarse_sigma = coarse.best()
        # A coarse answer spread over several places is no ground for a confident fine one. 0.05 is by hand.
        doubt = max(float(fine.shift_sigma.mean()), 0.05 * float(coarse_sigma[0]))
        px = centre[0].double().numpy() * seen.binning
        pitch, yaw = fine.tilt[0].tolist()
        return (float(px[0]), float(px[1])), NETWORK_SIGMA_SCALE * doubt * seen.binning, (pitch, yaw)


def load(path: Path | str | None = None) -> Predictor:
    """The predictor with the package's weights, or those of a run; InputError for bad or published ones."""
    source = Path(path) if path is not None else WEIGHTS
    state, header = load_weights(source)
    system = from_config(Geometry, header["config"])
    network = system.network()
    restore(network, state, source)
    if not isinstance(network, CentreNetwork):
        raise InputError(f"{source}: weights of the network {system.network_name}; predict needs ours")
    return Predictor(system, network)


def nominal_geometry(frame: Frame) -> BeamGeometry:
    """Detector as the file describes it, met by the beam in its middle: the header's centre is not used.

    Raises InputError where a number is missing or impossible, all pixels are masked, or a side has < 64 px.
    """
    _check_numbers(frame)
    if not frame.mask.any():
        raise InputError(f"{frame.path}: every pixel is masked; check the file or the mask")
    if min(frame.data.shape) < 64:
        raise InputError(
            f"{frame.path}: {frame.data.shape} px is too small an image; at least 64 a side are needed"
        )
    assert frame.wavelength
    assert frame.distance_mm
    assert frame.pixel_size_mm
    middle = (frame.data.shape[1] / 2, frame.data.shape[0] / 2)
    return BeamGeometry(middle, frame.distance_mm, frame.wavelength, frame.pixel_size_mm)


def _check_numbers(frame: Frame) -> None:
    """Raise InputError where a number is missing, or so small or large that it must be in another unit."""
    pixel = frame.pixel_size_mm
    # By hand, orders of magnitude about what exists: electrons (0.02 Å) to soft X-rays, 5 mm to 100 m,
    # sensors of 4 µm to those binned to mm. Lengths in m or µm fall outside; wavelengths in nm do not.
    numbers = (
        ("wavelength", frame.wavelength, 0.01, 10.0, "Å"),
        ("distance", frame.distance_mm, 5.0, 1e5, "mm"),
        ("pixel size", pixel and min(pixel), 0.004, 4.0, "mm"),
        ("pixel size", pixel and max(pixel), 0.004, 4.0, "mm"),
    )
    missing = list(dict.fromkeys(name for name, value, *_ in numbers if not value))
    if missing:
        options = " ".join("--" + name.replace(" ", "-") for name in missing)
        raise InputError(f"{frame.path}: the file does not say its {', '.join(missing)}; give {options}")
    for name, value, low, high, unit in numbers:
        if value and not low <= value <= high:
            raise InputError(
                f"{frame.path}: a {name} of {value:g} {unit} is not between {low:g} and {high:g} {unit}"
            )


def sum_frames(frames: Sequence[Frame]) -> Frame:
    """Counts of several frames added; pixels must be usable in all. Raises InputError for mixed shapes."""
    first = frames[0]
    if any(f.data.shape != first.data.shape for f in frames):
        raise InputError("frames of different shapes cannot be pooled; predict them apart")
    total = np.sum([np.where(f.mask, f.data, 0).astype(np.float32) for f in frames], axis=0)
    return replace(first, path="pooled", data=total, mask=np.all([f.mask for f in frames], axis=0))


def _try_lattice(spots: Spots, start: BeamGeometry, sigma: float) -> LatticeFit | None:
    """The lattice of the spots, if there is one that chance does not explain."""
    # Student's t with four degrees of freedom has 1.4 times its scale for standard deviation. The limits are
    # by hand: below 3 px a network that is too sure would forbid the truth, beyond 60 px rivals are too many.
    prior = Prior(float(np.clip(0.7 * sigma, 3.0, 60.0)), TILT_PRIOR)
    fit = fit_lattice(spots.px, start, prior)
    if fit is None:
        return None
    enough = fit.indexed >= max(LATTICE_SPOTS, (LATTICE_SHARE + fit.chance) * fit.offered)
    # By hand: a right lattice leaves fractions of a px; three TILT_PRIOR are 6 degrees, twice the simulated.
    return fit if enough and fit.rms_px < 3.0 and fit.geometry.tilt < 3.0 * TILT_PRIOR else None


def _try_rings(
    frame: Frame, seen: Features, start: BeamGeometry, sigma: float, grainy: bool
) -> RingFit | None:
    """The fit to sharp rings, without the pixels of spots or, if `grainy`, with many spots left in."""
    # Wider than the lattice's (by hand): rings have no rivals that a narrow prior must keep away.
    prior = Prior(float(np.clip(1.5 * sigma, 3.0, 60.0)), TILT_PRIOR)
    fits = [_fit_rings_on(frame.data, frame.mask & seen.clean, start, prior, seen.binning)]
    if grainy and len(seen.spots) >= GRAINY_SPOTS:
        fit = _fit_rings_on(frame.data, frame.mask, start, prior, seen.binning)
        fits += [fit] if fit and fit.chi2 < GRAINY_CHI2 else []
    return min((fit for fit in fits if fit), key=lambda fit: fit.covariance[0, 0], default=None)


def _fit_rings_on(
    image: Image, mask: Mask, start: BeamGeometry, prior: Prior, coarsest: int
) -> RingFit | None:
    """The fit on cells of `coarsest` px and then on finer ones while these tell more; in px of the image."""
    finest = int(np.ceil(np.sqrt(image.size / MOST_CELLS)))
    fit = None
    # After the coarsest cells those of 3 px and finer (by hand), each fit from the answer of the one before.
    for binning in [coarsest, *range(min(coarsest - 1, 3), finest - 1, -1)]:
        begin = _in_cells(fit.geometry if fit else start, binning)
        in_cells = Prior(prior.centre_px / binning, prior.tilt)
        rough = fit_rings(*bin_cells(image, mask, binning), begin, in_cells, search=fit is None)
        if rough is None:
            return fit
        scale = np.diag([binning, binning, 1.0, 1.0])
        # A ring that is narrower than a cell is placed no better than to a part of it.
        cell_floor = np.diag([(CELL_FLOOR * binning) ** 2] * 2 + [TILT_FLOOR**2] * 2)
        covariance = scale @ rough.covariance @ scale + cell_floor
        if fit is not None and covariance[0, 0] > fit.covariance[0, 0]:
            return fit
        fit = replace(rough, geometry=_in_cells(rough.geometry, 1 / binning), covariance=covariance)
    return fit


def _in_cells(geometry: BeamGeometry, binning: float) -> BeamGeometry:
    """The same geometry in cells of `binning` px."""
    fast, slow = geometry.beam_centre_px
    pixel = (geometry.pixel_size_mm[0] * binning, geometry.pixel_size_mm[1] * binning)
    return replace(geometry, beam_centre_px=(fast / binning, slow / binning), pixel_size_mm=pixel)


def selftest() -> str:
    """Predict a small simulated still and compare with its truth; the text says how it went."""
    from argand.systems.geometry.presets import PRESETS

    sample = PRESETS["standard"].simulate(0, 7)
    frame = Frame(
        "simulated",
        0,
        sample["image"],
        sample["live"] > 0.99,
        tuple(sample["pixel_size_mm"].tolist()),
        float(sample["distance_mm"]),
        float(sample["wavelength"]),
        None,
    )
    answer = load().predict_frame(frame)
    if answer.beam_centre_px is None:
        return f"no reliable answer: {answer.reason}"
    error = np.hypot(*np.subtract(answer.beam_centre_px, sample["beam_centre_px"]))
    return f"beam centre of a simulated still within {error:.2f} px in {answer.seconds:.1f} s"
