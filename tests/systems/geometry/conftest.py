"""A stand-in for the trained predictor, whose answers can be told from the image by eye."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from argand.errors import InputError
from argand.io.image import Frame
from argand.physics.still.detector import BeamGeometry
from argand.systems.geometry.refine.options import PLAIN, Options
from argand.systems.geometry.refine.prediction import Prediction

SHAPE = (90, 120)


class BrightestPixel:
    """Takes the brightest pixel for the beam; an image without counts has no reliable answer."""

    def predict_frame(self, frame: Frame, options: Options = PLAIN) -> Prediction:
        if not frame.wavelength:
            raise InputError(f"{frame.path}: the file does not say its wavelength; give --wavelength")
        slow, fast = np.unravel_index(np.argmax(frame.data), frame.shape)
        geometry = BeamGeometry(
            (float(fast) + 0.5, float(slow) + 0.5),
            frame.distance_mm or 100.0,
            frame.wavelength,
            frame.pixel_size_mm or (0.1, 0.1),
            0.01,
            -0.02,
        )
        blank = not frame.data.any()
        return Prediction(
            file=frame.path,
            index=frame.index,
            shape=frame.shape,
            trusted=not blank,
            reason="near-blank image" if blank else "a lattice gives the centre to ±0.25 px",
            path="network" if blank else "lattice",
            geometry=geometry,
            sigma_px=0.25,
            tilt_sigma_deg=(0.1, 0.1),
            tilt_measured=True,
            header_beam_centre_px=frame.header_beam_centre_px,
            network_centre_px=None,
            network_sigma_px=None,
            network_tilt_deg=None,
            spots=40,
            indexed=30,
            rms_px=0.5,
            seconds=0.0,
            covariance=np.diag([0.09, 0.04, 1e-6, 1e-6]),
        )

    def pool(
        self, frames: Sequence[Frame], predictions: Sequence[Prediction], options: Options = PLAIN
    ) -> Prediction:
        good = [p.geometry.beam_centre_px for p in predictions if p.trusted and p.geometry]
        if not good:
            return replace(predictions[0], file="pooled", frames=len(frames))
        geometry = predictions[0].geometry
        assert geometry is not None
        mean = np.mean(good, axis=0)
        centre = geometry.with_centre((float(mean[0]), float(mean[1])))
        return replace(predictions[0], file="pooled", geometry=centre, frames=len(frames))


@pytest.fixture
def predictor() -> BrightestPixel:
    """The stand-in itself."""
    return BrightestPixel()


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch, predictor: BrightestPixel) -> BrightestPixel:
    """The stand-in in the place of the shipped weights."""
    monkeypatch.setattr("argand.systems.geometry.predict.load", lambda weights=None: predictor)
    return predictor


@pytest.fixture
def draw_image() -> Callable[..., np.ndarray]:
    """Counts with one bright pixel at (fast, slow), or none at all."""

    def draw(bright: tuple[int, int] | None) -> np.ndarray:
        image = np.zeros(SHAPE, np.int32)
        if bright is not None:
            image += np.random.default_rng(0).poisson(3, SHAPE).astype(np.int32)
            image[bright[1], bright[0]] = 5000
        return image

    return draw


@pytest.fixture
def write_image(draw_image: Callable[..., np.ndarray]) -> Callable[..., Path]:
    """Writes such an image as .npy, which states no geometry."""

    def write(path: Path, bright: tuple[int, int] | None = (60, 45)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, draw_image(bright))
        return path

    return write


@pytest.fixture
def write_stack(draw_image: Callable[..., np.ndarray]) -> Callable[..., Path]:
    """Writes several such images as one HDF5 file."""

    def write(path: Path, bright: Sequence[tuple[int, int] | None]) -> Path:
        with h5py.File(path, "w") as file:
            file["entry/data/data"] = np.stack([draw_image(place) for place in bright])
        return path

    return write


@pytest.fixture
def frame(draw_image: Callable[..., np.ndarray]) -> Frame:
    """A frame whose header is (1.5, -2.5) px off its bright pixel."""
    image = draw_image((60, 45))
    mask = np.ones(SHAPE, bool)
    mask[20:24] = False
    return Frame("run/a.cbf.bz2", 0, image, mask, (0.1, 0.1), 150.0, 1.0, (59.0, 48.0), saturation=60000.0)


@pytest.fixture(scope="session")
def schema() -> dict[str, Any]:
    """The JSON Schema of the answers."""
    return json.loads((Path(__file__).parents[3] / "docs" / "schema" / "geometry.json").read_text())


@pytest.fixture(scope="session")
def fits_schema(schema: dict[str, Any]) -> Callable[[Any], None]:
    """Fails for a JSON document that is not as the schema says."""
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(schema)
    records = jsonschema.Draft202012Validator(schema)

    def check(document: Any) -> None:
        part = schema
        if isinstance(document, dict) and "ranking" not in document:
            # One alternative alone, so that what is wrong is told and not that none fits.
            name = "failure" if document.get("failed") else "answer"
            part = {"$ref": f"#/$defs/{name}", "$defs": schema["$defs"]}
        wrong = [one.message for one in records.evolve(schema=part).iter_errors(document)]
        assert not wrong, wrong
        if isinstance(document, list):
            for one in document:
                check(one)

    return check
