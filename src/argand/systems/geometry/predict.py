"""From an image to beam centre and tilt: network first, then the physics that the image has evidence for."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from argand.errors import InputError
from argand.io.image import Frame, read_frame, with_overrides
from argand.io.weights import load_weights, restore
from argand.physics.detector import BeamGeometry
from argand.physics.lattice import LatticeFit, Prior, fit_lattice
from argand.physics.radial import RingFit, fit_rings
from argand.physics.spot import Spots, is_binary
from argand.system import from_config
from argand.systems.geometry.evidence import Evidence, gather
from argand.systems.geometry.network import CentreNetwork, EvidenceKind
from argand.systems.geometry.prediction import Prediction
from argand.systems.geometry.system import Geometry, known_numbers

WEIGHTS = Path(__file__).parents[2] / "weights" / "geometry-best" / "model.safetensors"
NETWORK_LIMIT_PX = 1.2
"""Largest standard deviation at which the network's answer stands on its own."""
SWUNG_LIMIT_DEG = 5.0
"""Arm angle beyond which a detector is outside what the networks were trained on."""
TILT_PRIOR = np.radians(2.0)
NETWORK_SIGMA_SCALE = 1.0
"""Factor on the network's own standard deviation, from its errors on simulated validation images."""

LATTICE_SHARE, LATTICE_MARGIN = 0.25, 6.0
"""Least share of the spots that a lattice must explain, and by how much in chi² its origin must win."""
STRETCH_LIMIT = 0.02
"""Relative error of the distance beyond which the file's number is doubted."""
BINARY_SIGMA_SCALE = 3.0
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
        evidence: EvidenceKind = "both",
        refine: bool = True,
    ) -> Prediction:
        """Beam centre and tilt of one image: a file (frame `index` of it), a Frame, or an array [slow, fast].

        Lengths in mm, wavelength in Å; they override what the file says, and an array needs all three.
        Raises InputError where the file cannot be read or a needed number is missing.
        """
        began = time.perf_counter()
        if isinstance(source, np.ndarray):
            usable = np.isfinite(source) & (source >= 0)
            source = Frame("array", 0, source, usable, None, None, None, None)
        frame = source if isinstance(source, Frame) else read_frame(source, index)
        if isinstance(pixel_size_mm, int | float):
            pixel_size_mm = (float(pixel_size_mm), float(pixel_size_mm))
        frame = with_overrides(
            frame, wavelength=wavelength, distance_mm=distance_mm, pixel_size_mm=pixel_size_mm, mask=mask
        )
        answer = self.predict_frame(frame, evidence, refine)
        return replace(answer, seconds=time.perf_counter() - began)

    def predict_frame(self, frame: Frame, evidence: EvidenceKind = "both", refine: bool = True) -> Prediction:
        """Beam centre and tilt of one frame; `evidence` takes background or spots away, for comparison."""
        began = time.perf_counter()
        nominal = nominal_geometry(frame)
        seen = gather(frame.data, frame.mask)
        network, sigma, tilt = self._ask(seen, nominal, evidence)
        if is_binary(frame.data, frame.mask):
            sigma *= BINARY_SIGMA_SCALE
        start = nominal.with_centre(network)
        lattice = rings = None
        if refine and evidence != "background":
            lattice = _try_lattice(seen.spots, start, sigma)
        if refine and lattice is None and evidence != "spots":
            rings = _try_rings(frame, seen, start, sigma)
        answer = _judge(frame, seen, start, sigma, lattice, rings)
        return replace(
            answer,
            network_centre_px=network,
            network_sigma_px=sigma,
            network_tilt_deg=tilt,
            seconds=time.perf_counter() - began,
        )

    def pool(self, frames: Sequence[Frame], predictions: Sequence[Prediction]) -> Prediction:
        """One geometry for several frames that share it.

        Frames with a lattice or rings are averaged by their covariances; where no frame alone is
        reliable, the frames are summed and looked at again. `predictions` are those of the frames.
        """
        began = time.perf_counter()
        good = [p for p in predictions if p.reliable and p.covariance is not None]
        answer = _average(good) if good else self.predict_frame(sum_frames(frames))
        notes = tuple(dict.fromkeys(note for p in predictions for note in p.notes))
        return replace(
            answer, file="pooled", frames=len(frames), notes=notes, seconds=time.perf_counter() - began
        )

    def _ask(
        self, seen: Evidence, nominal: BeamGeometry, evidence: EvidenceKind
    ) -> tuple[tuple[float, float], float, tuple[float, float]]:
        """Centre (px), its standard deviation (px) and tilt (degrees) from the network alone."""
        cell_mm = nominal.pixel_size_mm[0] * seen.binning
        known = known_numbers(cell_mm, nominal.distance_mm, nominal.wavelength)
        with torch.inference_mode():
            cells = torch.from_numpy(seen.cells())[None]
            coarse, centre, fine = self.network(cells, torch.from_numpy(known)[None], evidence=evidence)
            _, coarse_sigma = coarse.best()
        # A coarse answer that is spread over several places is no ground for a confident fine one.
        doubt = max(float(fine.shift_sigma.mean()), 0.05 * float(coarse_sigma[0]))
        px = centre[0].double().numpy() * seen.binning
        pitch, yaw = fine.tilt[0].tolist()
        return (float(px[0]), float(px[1])), NETWORK_SIGMA_SCALE * doubt * seen.binning, (pitch, yaw)


def load(path: Path | str | None = None) -> Predictor:
    """The predictor with the weights that come with the package, or with those of a training run."""
    source = Path(path) if path is not None else WEIGHTS
    state, header = load_weights(source)
    system = from_config(Geometry, header["config"])
    network = system.network()
    restore(network, state, source)
    if not isinstance(network, CentreNetwork):
        raise InputError(f"{source}: weights of the network {system.network_name}; predict needs ours")
    return Predictor(system, network)


def nominal_geometry(frame: Frame) -> BeamGeometry:
    """Detector as the file describes it, met by the beam in its middle: the header's centre is not used."""
    missing = [
        option
        for option, value in (
            ("--wavelength", frame.wavelength),
            ("--distance", frame.distance_mm),
            ("--pixel-size", frame.pixel_size_mm),
        )
        if not value
    ]
    if missing:
        raise InputError(
            f"{frame.path}: the file does not say its {_names(missing)}; give {' '.join(missing)}"
        )
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


def _names(options: Sequence[str]) -> str:
    return ", ".join(option.lstrip("-").replace("-", " ") for option in options)


def sum_frames(frames: Sequence[Frame]) -> Frame:
    """Counts of several frames added; pixels must be usable in all. Raises InputError for mixed shapes."""
    first = frames[0]
    if any(f.data.shape != first.data.shape for f in frames):
        raise InputError("frames of different shapes cannot be pooled; predict them apart")
    total = np.sum([np.where(f.mask, f.data, 0).astype(np.float32) for f in frames], axis=0)
    return replace(first, path="pooled", data=total, mask=np.all([f.mask for f in frames], axis=0))


def _try_lattice(spots: Spots, start: BeamGeometry, sigma: float) -> LatticeFit | None:
    """The lattice fit, if there is one that deserves belief."""
    prior = Prior(float(np.clip(1.5 * sigma, 3.0, 60.0)), TILT_PRIOR)
    fit = fit_lattice(spots.px, start, prior)
    if fit is None:
        return None
    enough = fit.indexed >= max(15, (LATTICE_SHARE + fit.chance) * fit.offered)
    # A wrong origin is told by its misfit; where it is not, the answer could be off by a whole node.
    sure = fit.margin > LATTICE_MARGIN and fit.rms_px < 3.0 and fit.geometry.tilt < 3.0 * TILT_PRIOR
    return fit if enough and sure else None


def _try_rings(frame: Frame, seen: Evidence, start: BeamGeometry, sigma: float) -> RingFit | None:
    """The fit to sharp rings, first on the network's cells, then on finer ones; in px of the image."""
    prior_px = float(np.clip(3.0 * sigma, 3.0, 60.0))
    fit, begin = None, start
    for binning in dict.fromkeys((seen.binning, min(seen.binning, 3))):
        cells = seen if binning == seen.binning else gather(frame.data, frame.mask, binning)
        rough = fit_rings(
            cells.counts,
            cells.live,
            _in_cells(begin, binning),
            Prior(prior_px / binning, TILT_PRIOR),
            search=fit is None,
        )
        if rough is None:
            return fit
        scale = np.diag([binning, binning, 1.0, 1.0])
        fit = replace(
            rough,
            geometry=_in_cells(rough.geometry, 1 / binning),
            covariance=scale @ rough.covariance @ scale,
        )
        begin = fit.geometry
    return fit


def _in_cells(geometry: BeamGeometry, binning: float) -> BeamGeometry:
    """The same geometry in cells of `binning` px."""
    fast, slow = geometry.beam_centre_px
    pixel = (geometry.pixel_size_mm[0] * binning, geometry.pixel_size_mm[1] * binning)
    return replace(geometry, beam_centre_px=(fast / binning, slow / binning), pixel_size_mm=pixel)


def _judge(
    frame: Frame,
    seen: Evidence,
    start: BeamGeometry,
    sigma: float,
    lattice: LatticeFit | None,
    rings: RingFit | None,
) -> Prediction:
    """Choose the best evidence and decide whether it is to be trusted."""
    answer = Prediction(
        frame.path,
        frame.index,
        (int(frame.data.shape[0]), int(frame.data.shape[1])),
        False,
        "",
        "network",
        start,
        sigma,
        None,
        False,
        frame.header_beam_centre_px,
        None,
        None,
        None,
        len(seen.spots),
        0,
        None,
        0.0,
        tuple(frame.notes),
    )
    if lattice is not None:
        # What the spots' own scatter cannot show (parallax, split crystals) grows with that scatter.
        covariance = lattice.covariance + (0.2 * lattice.rms_px) ** 2 * np.diag([1, 1, 0, 0])
        covariance[2:, 2:] += np.diag([np.radians(0.03) ** 2] * 2)
        answer = _refined(answer, "lattice", lattice.geometry, covariance)
        answer = replace(answer, indexed=lattice.indexed, rms_px=lattice.rms_px)
    elif rings is not None:
        covariance = 2.0 * rings.covariance + np.diag([0.1**2, 0.1**2, 0, 0])
        answer = _refined(answer, "rings", rings.geometry, covariance)
    reason = _doubts(frame, seen, answer)
    return replace(answer, reliable=not reason, reason=reason)


def _refined(answer: Prediction, path: str, geometry: BeamGeometry, covariance: np.ndarray) -> Prediction:
    """The answer with a refined geometry and its uncertainty."""
    tilt_sigma = np.degrees(np.sqrt(np.diag(covariance)[2:]))
    return replace(
        answer,
        path=path,
        geometry=geometry,
        covariance=covariance,
        sigma_px=float(np.sqrt(np.mean(np.diag(covariance)[:2]))),
        tilt_sigma_deg=(float(tilt_sigma[0]), float(tilt_sigma[1])),
        tilt_measured=bool(tilt_sigma.max() < 0.5),
    )


def _doubts(frame: Frame, seen: Evidence, answer: Prediction) -> str:
    """Why the answer is not to be trusted; empty if it is."""
    assert answer.geometry is not None
    assert answer.sigma_px is not None
    if abs(frame.two_theta_deg) > SWUNG_LIMIT_DEG:
        return f"the detector is swung out by {frame.two_theta_deg:g} degrees, outside the trained range"
    slow, fast = answer.shape
    x, y = answer.geometry.beam_centre_px
    if not (-0.1 * fast < x < 1.1 * fast and -0.1 * slow < y < 1.1 * slow):
        return "the beam centre seems to lie off the detector"
    if answer.path == "network":
        photons = float(seen.counts.sum())
        if photons < 3000 and len(seen.spots) < 15:
            return f"near-blank image: {photons:.0f} background counts and {len(seen.spots)} spots"
        if answer.sigma_px > NETWORK_LIMIT_PX:
            few = f"{len(seen.spots)} spots without a lattice, no sharp rings"
            return f"not enough evidence: {few}; the background alone leaves ±{answer.sigma_px:.1f} px"
    elif answer.sigma_px > 2.0:
        return f"the fit leaves ±{answer.sigma_px:.1f} px"
    return ""


def _average(good: Sequence[Prediction]) -> Prediction:
    """Mean of several refined answers weighted by their covariances, which grows with their scatter."""
    values, weights = [], []
    for p in good:
        assert p.geometry is not None
        assert p.covariance is not None
        values.append([*p.geometry.beam_centre_px, p.geometry.pitch, p.geometry.yaw])
        weights.append(np.linalg.inv(p.covariance))
    total = np.sum(weights, axis=0)
    mean = np.linalg.solve(total, np.sum([w @ v for w, v in zip(weights, values, strict=True)], axis=0))
    residual = np.asarray(values) - mean
    chi2 = np.sum([r @ w @ r for r, w in zip(residual, weights, strict=True)]) / max(4 * (len(good) - 1), 1)
    covariance = np.linalg.inv(total) * max(float(chi2), 1.0)
    first = good[0]
    assert first.geometry is not None
    geometry = replace(
        first.geometry.with_centre((mean[0], mean[1])), pitch=float(mean[2]), yaw=float(mean[3])
    )
    indexed, spots = sum(p.indexed for p in good), sum(p.spots for p in good)
    return replace(_refined(first, first.path, geometry, covariance), indexed=indexed, spots=spots, index=0)


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
