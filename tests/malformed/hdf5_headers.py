"""Numbers in HDF5 masters and CXI files that cannot be, or are none."""

import io
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from malformed import damage, good
from malformed.case import Case, Content
from malformed.hdf5 import Write, files_of


def cases() -> Iterator[Case]:
    """All of them."""
    argv = ("geometry", "predict", "in/bad_master.h5", "--json")
    for name, write in _headers():
        yield Case(f"hdf5-header-{name}", "hdf5", "geometry", argv, files_of(write))
    argv = ("molmnist", "predict", "bad.cxi", "--network", "ten", "--json")
    for name, write in _optics():
        yield Case(f"cxi-{name}", "hdf5", "molmnist", argv, _cxi_files(write))


def _cxi_files(write: Write):
    def made(rng: np.random.Generator) -> dict[str, Content]:
        def changed(path: Path) -> None:
            good.cxi(path)
            with h5py.File(path, "a") as file:
                write(rng, file)

        return {"bad.cxi": changed}

    return made


def _headers() -> Iterator[tuple[str, Write]]:
    places = {
        "wavelength": "entry/instrument/beam/incident_wavelength",
        "pixel": "entry/instrument/detector/x_pixel_size",
        "distance": "entry/instrument/detector/detector_distance",
        "centre": "entry/instrument/detector/beam_center_x",
        "mask": "entry/instrument/detector/detectorSpecific/pixel_mask",
    }
    values = {
        "nan": np.nan,
        "inf": np.inf,
        "zero": 0.0,
        "minus": -1.0,
        "huge": 1e300,
        "text": "abc",
        "list": [1.0, 2.0, 3.0],
        "empty": np.zeros(0),
    }
    for where, path in places.items():
        for name, value in values.items():
            yield f"{where}-{name}", _replaced(path, value)
    yield "mask-million", _replaced("entry/instrument/detector/detectorSpecific/pixel_mask", (10**6, 10**6))
    yield "units", _with_units


def _replaced(path: str, value: object) -> Write:
    def write(rng: np.random.Generator, file: h5py.File) -> None:
        _fill(file)
        del file[path]
        if isinstance(value, tuple):
            file.create_dataset(path, value, "u4", chunks=(1000, 1000))
        else:
            file[path] = value

    return write


def _with_units(rng: np.random.Generator, file: h5py.File) -> None:
    _fill(file)
    for path, units in (
        ("entry/instrument/detector/x_pixel_size", "furlong"),
        ("entry/instrument/detector/detector_distance", b"\xff\xfe"),
    ):
        file[path].attrs["units"] = units


def _fill(file: h5py.File) -> None:
    """What a good master holds."""
    blob = damage.made_by(good.master, ".h5")

    with h5py.File(io.BytesIO(blob), "r") as source:
        for name in source:
            source.copy(name, file)


def _optics() -> Iterator[tuple[str, Write]]:
    base = "entry_1/instrument_1"
    places = {
        "distance": f"{base}/detector_1/distance",
        "pixel": f"{base}/detector_1/x_pixel_size",
        "energy": f"{base}/source_1/energy",
    }
    values = {
        "nan": np.nan,
        "inf": np.inf,
        "zero": 0.0,
        "minus": -1.0,
        "huge": 1e300,
        "text": "abc",
        "list": np.ones(7),
        "empty": np.zeros(0),
    }
    for where, path in places.items():
        for name, value in values.items():
            yield f"{where}-{name}", _swapped(path, value)
    yield "mask-shape", _swapped("entry_1/data_1/mask", np.zeros((9, 9), np.uint32))
    yield "mask-all", _swapped("entry_1/data_1/mask", np.ones((64, 64), np.uint32))
    yield "mask-loop", _swapped("entry_1/data_1/mask", h5py.SoftLink("/entry_1/data_1/mask"))
    yield "data-loop", _swapped("entry_1/data_1/data", h5py.SoftLink("/entry_1/data_1/data"))


def _swapped(path: str, value: object) -> Write:
    def write(rng: np.random.Generator, file: h5py.File) -> None:
        if path in file:
            del file[path]
        file[path] = value

    return write
