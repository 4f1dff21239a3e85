"""From an image to beam centre and tilt: the network first, then a fit of the lattice or the rings."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, TypedDict, Unpack, get_args, overload

import numpy as np
import torch

from argand.errors import InputError
from argand.io.image import Frame
from argand.io.resource import shipped_weights
from argand.io.weights import load_weights, network_of, system_of
from argand.page.notebook import html_card
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.features import Features, extract_features
from argand.physics.still.spot import is_binary
from argand.progress import duration
from argand.runs.answers import Answers
from argand.systems.geometry.files.answer import ImagePrediction
from argand.systems.geometry.files.source import Source, read_source
from argand.systems.geometry.network import POINTS, CentreNetwork, EvidenceKind
from argand.systems.geometry.refine.header_check import with_header_note
from argand.systems.geometry.refine.lattice import is_flat, try_lattice
from argand.systems.geometry.refine.modular import answer_panels
from argand.systems.geometry.refine.nominal import nominal_geometry, sum_frames
from argand.systems.geometry.refine.options import PLAIN, Options
from argand.systems.geometry.refine.prediction import FoundSpots, Prediction
from argand.systems.geometry.refine.rings import try_rings
from argand.systems.geometry.refine.sample import describe_sample
from argand.systems.geometry.refine.swung import SWUNG_PRIOR, is_swung, try_swung
from argand.systems.geometry.refine.verdict import average, decide, lattice_doubts, no_hit
from argand.systems.geometry.system import Geometry, known_numbers

SHOWN_PRESETS = ("standard", "realistic")
"""Simulated sets whose figures describe a predictor in a line: the easiest and the most general one."""
WEIGHTS = shipped_weights("geometry-best") / "model.safetensors"
NETWORK_SIGMA_SCALE, COARSE_SHARE = 1.5, 0.15
"""Factor on the network's own standard deviation, and its least share of that of the coarse stage. Chosen, as
are WEAK_SIGMA_SCALE and BINARY_SIGMA_SCALE, on 40 stills of each set of the seed for choices: errors over
standard deviations are then 0.5 (root mean square) on the poster's sets with background, 0.9 on the distant
one, and two in a hundred are beyond 3.5 on the realistic one. No real image was used."""

WEAK_PX, WEAK_SIGMA_SCALE = 5.0, 1.6
"""Standard deviation in px above which the network is overconfident, and the factor that corrects it;
measured in the same way. Without information in the background it predicts the usual centre of its training
set."""
BINARY_SIGMA_SCALE = 1.2
"""Factor for binary images; measured in the same way."""


class Asked(TypedDict, total=False):
    """Keyword arguments of `Predictor.predict`."""

    mask: str | Path | np.ndarray | None
    wavelength: float | None
    distance_mm: float | None
    pixel_size_mm: float | tuple[float, float] | None
    two_theta_deg: float | None
    index: int
    geometry: str | Path | None
    options: Options


class Predictor:
    """The trained network with the refinement behind it; one per process is enough.

    `header` is that of the weights: training, figures, limits.
    """

    def __init__(
        self, system: Geometry, network: CentreNetwork, header: Mapping[str, Any] | None = None
    ) -> None:
        self.system = system
        self.network = network.eval().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.header = header or {}

    def __repr__(self) -> str:
        return f"<geometry.Predictor: {'; '.join(self._told().values())}>"

    def _repr_html_(self) -> str:
        """A table of the weights, their training and their figures, for notebooks."""
        return html_card("Predictor of geometry", self._told())

    def _told(self) -> dict[str, str]:
        """Weights, training and figures, in a few words each."""
        training, figures = (
            self.header.get("training", {}),
            self.header.get("figures", {}).get("simulated", {}),
        )
        told = {"weights": f"weights {self.header.get('name', 'not from a file')}"}
        if training:
            told["training"] = f"{training['samples']} stills in {duration(training['seconds'])}"
        for preset in [name for name in SHOWN_PRESETS if name in figures]:
            row = figures[preset]
            found = row["centre px, trusted"]
            error = "" if found is None else f", centre within {found:.2g} px (mean)"
            told[preset] = f"{preset}: {100 * row['share trusted']:.0f} % trusted{error}"
        return told

    @overload
    def predict(self, source: Source, **asked: Unpack[Asked]) -> ImagePrediction: ...
    @overload
    def predict(
        self, source: list[Source] | tuple[Source, ...], **asked: Unpack[Asked]
    ) -> Answers[ImagePrediction]: ...
    def predict(
        self,
        source: Source | list[Source] | tuple[Source, ...],
        *,
        mask: str | Path | np.ndarray | None = None,
        wavelength: float | None = None,
        distance_mm: float | None = None,
        pixel_size_mm: float | tuple[float, float] | None = None,
        two_theta_deg: float | None = None,
        index: int = 0,
        geometry: str | Path | None = None,
        options: Options = PLAIN,
    ) -> ImagePrediction | Answers[ImagePrediction]:
        """Beam centre and tilt of one image, or of each image of a list.

        An image is a file (image number `index` of it), a `Frame`, an array [slow, fast], or an item of a
        simulated data set. Of a list, an image that cannot be predicted has a `Failure` in its place.

        Wavelength in Å, lengths in mm, two theta of the detector arm in degrees; they replace the values of
        the header, and an array needs the first three. `mask` is a file, or an array in which True is a
        usable pixel. `geometry` is a .geom, .expt or NXmx file with the positions of the panels.

        Raises InputError if the file cannot be read or a required number is missing.
        """
        stated = {"wavelength": wavelength, "distance_mm": distance_mm, "pixel_size_mm": pixel_size_mm}
        read = partial(
            read_source, index=index, geometry=geometry, **stated, mask=mask, two_theta_deg=two_theta_deg
        )
        if isinstance(source, list | tuple):
            return Answers.of(source, lambda one: self._predict_image(partial(read, one), options))
        return self._predict_image(partial(read, source), options)

    def _predict_image(self, read: Callable[[], Frame], options: Options) -> ImagePrediction:
        began = time.perf_counter()
        if options.evidence not in get_args(EvidenceKind):
            known = ", ".join(get_args(EvidenceKind))
            raise InputError(f"unknown evidence '{options.evidence}'; choose from {known}")
        answer = self.predict_frame(read(), options)
        return ImagePrediction.of(replace(answer, seconds=time.perf_counter() - began), read)

    def predict_frame(self, frame: Frame, options: Options = PLAIN) -> Prediction:
        """Beam centre and tilt of one frame. Raises InputError as `nominal_geometry` does."""
        if frame.panels is not None:
            return answer_panels(frame, lambda flat: self.predict_frame(flat, options))
        began = time.perf_counter()
        evidence, refine = options.evidence, options.refine
        nominal = nominal_geometry(frame)
        seen = extract_features(frame.data, frame.mask)
        if len(seen.spots) < options.least_spots:
            return replace(no_hit(frame, seen, options.least_spots), seconds=time.perf_counter() - began)
        network, sigma, tilt = self._ask(seen, nominal, evidence)
        if is_binary(frame.data, frame.mask):
            sigma *= BINARY_SIGMA_SCALE
        if sigma > WEAK_PX:
            sigma *= WEAK_SIGMA_SCALE
        start, start_sigma = nominal.with_centre(network), sigma
        lattice = rings = None
        if refine and evidence != "background" and is_swung(frame):
            swung = try_swung(seen.spots, frame, nominal, network)
            start, start_sigma, lattice = swung.start, SWUNG_PRIOR.centre_px, swung.lattice
        elif refine and evidence != "background" and options.calibrant is None:
            lattice = try_lattice(seen.spots, start, sigma, options)
        # To a fit, the rim of a beam stop and the band of a zone look like rings: electrons need a calibrant.
        ringless = is_swung(frame) or (is_flat(nominal) and options.calibrant is None)
        doubtful = lattice is None or bool(lattice_doubts(lattice, options))
        if refine and doubtful and evidence != "spots" and not ringless:
            rings = try_rings(frame, seen, start, sigma, options, crystal=lattice is not None)
        answer = with_header_note(decide(frame, seen, start, start_sigma, lattice, rings, options))
        assert answer.geometry is not None
        explained = lattice.explained if lattice and answer.path == "lattice" else None
        return replace(
            answer,
            found=FoundSpots(seen.spots.px, explained),
            sample=describe_sample(seen.spots, answer.geometry, lattice),
            network_centre_px=network,
            network_sigma_px=sigma,
            network_tilt_deg=tilt,
            seconds=time.perf_counter() - began,
        )

    def pool(
        self, frames: Sequence[Frame], predictions: Sequence[Prediction], options: Options = PLAIN
    ) -> Prediction:
        """One answer for several frames of the same geometry.

        Trusted answers from a lattice or rings are averaged with their covariances; if there are none, the
        frames are summed and predicted again. `predictions` are those of the frames.
        Raises InputError if frames that must be summed differ in shape.
        """
        began = time.perf_counter()
        good = [p for p in predictions if p.trusted and p.covariance is not None]
        mean = with_header_note(average(good, options)) if good else None
        answer = mean or self.predict_frame(sum_frames(frames), options)
        return replace(answer, file="pooled", frames=len(frames), seconds=time.perf_counter() - began)

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
        # If the coarse answer is spread over several positions, the fine one cannot be more certain.
        doubt = max(float(fine.shift_sigma.mean()), COARSE_SHARE * float(coarse_sigma[0]))
        px = centre[0].double().numpy() * seen.binning
        pitch, yaw = fine.tilt[0].tolist()
        return (float(px[0]), float(px[1])), NETWORK_SIGMA_SCALE * doubt * seen.binning, (pitch, yaw)


def load(path: Path | str | None = None) -> Predictor:
    """The predictor with the shipped weights, or those of a run.

    The shipped ones are read once in a process. Raises InputError for weights that cannot be read, and for
    those of another system or a published network.
    """
    return _kept(WEIGHTS) if path is None else _read(Path(path))


@cache
def _kept(source: Path) -> Predictor:
    return _read(source)


def _read(source: Path) -> Predictor:
    state, header = load_weights(source)
    if header["system"] != "geometry":
        raise InputError(f"{source}: weights of the system '{header['system']}', not of geometry")
    system = system_of(Geometry, header, source)
    network = network_of(system.network, state, source)
    if not isinstance(network, CentreNetwork):
        raise InputError(
            f"{source}: weights of the published network {system.network_name}; predict needs our own"
        )
    name = source.parent.name if source.name == "model.safetensors" else str(source)
    return Predictor(system, network, {**header, "name": name})


def selftest() -> str:
    """Predict a small simulated still and compare with its truth; returns the result as text."""
    from argand.systems.geometry.presets import PRESETS

    sample = PRESETS["standard"].simulate(0, 7)
    answer = load().predict(sample)
    if answer.beam_centre_px is None:
        return f"not trusted: {answer.reason}"
    error = np.hypot(*np.subtract(answer.beam_centre_px, sample["beam_centre_px"]))
    return f"beam centre of a simulated still within {error:.2f} px in {answer.seconds:.1f} s"
