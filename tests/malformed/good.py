"""Good inputs of every kind, small, from which the malformed ones are made."""

import bz2
import gzip
import json
from functools import cache
from pathlib import Path

import h5py
import numpy as np

from malformed.damage import made_by

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "data"
DATA = ROOT / "tests" / "data"
SHAPE = (200, 180)
"""Pixels (slow, fast) of the images."""


@cache
def still() -> np.ndarray:
    """A still of some sixty spots over a round background, as 16-bit counts."""
    rng = np.random.default_rng(1)
    slow, fast = np.mgrid[: SHAPE[0], : SHAPE[1]]
    image = rng.poisson(20 * np.exp(-((fast - 90) ** 2 + (slow - 100) ** 2) / 5000) + 1)
    for where in rng.integers((5, 5), (SHAPE[0] - 5, SHAPE[1] - 5), (60, 2)):
        image[where[0] - 1 : where[0] + 2, where[1] - 1 : where[1] + 2] += rng.poisson(200, (3, 3))
    return image.astype(np.uint16)


def array(values: np.ndarray) -> bytes:
    """The bytes of a .npy file."""
    return made_by(lambda path: np.save(path, values), ".npy")


@cache
def images() -> dict[str, bytes]:
    """An image in every format that can be written here, by its ending."""
    import fabio

    wide = {"edf": "edfimage", "cbf": "cbfimage", "sfrm": "brukerimage", "esperanto": "esperantoimage"}
    narrow = {"tif": "tifimage", "img": "adscimage", "mccd": "marccdimage"}
    found = {"npy": array(still())}
    for kinds, dtype in ((wide, np.int32), (narrow, np.uint16)):
        for ending, module in kinds.items():
            names = vars(getattr(fabio, module))
            cls = next(names[name] for name in names if name.lower() == module)
            found[ending] = made_by(
                lambda path, c=cls, d=dtype: c(still().astype(d)).write(path), f".{ending}"
            )
    found["pgm"] = b"P5\n180 200\n65535\n" + still().astype(">u2").tobytes()
    found["osc"] = _raxis()
    found["kcd"] = _kappaccd()
    found["mrc"] = made_by(lambda path: ccp4_map(path, still()[None].astype(np.float32)), ".mrc")
    found["cbf.bz2"] = bz2.compress(found["cbf"])
    found["edf.gz"] = gzip.compress(found["edf"])
    return found


def _raxis() -> bytes:
    header = bytearray(2 * SHAPE[1] * 8)
    header[:10] = b"R-AXIS4   "
    header[768:788] = np.array([SHAPE[1], SHAPE[0], 0, 0, len(header)], ">i4").tobytes()
    return bytes(header) + still().astype(">u2").tobytes()


def _kappaccd() -> bytes:
    lines = ["No = 1", f"X dimension = {SHAPE[1]}", f"Y dimension = {SHAPE[0]}", "Number of readouts = 1"]
    lines += ["pixel X-size (um) = 100", "pixel Y-size (um) = 100", "Dx start = 40.0", "Alpha1 = 0.7093"]
    return ("\r\n".join(lines) + "\r\n").encode() + still().tobytes()


def ccp4_map(path: Path, values: np.ndarray) -> None:
    """Write a map in CCP4's format, whose cell is half an Å a voxel."""
    import gemmi

    ccp4 = gemmi.Ccp4Map()
    ccp4.grid = gemmi.FloatGrid(np.ascontiguousarray(values, np.float32))
    ccp4.grid.set_unit_cell(gemmi.UnitCell(*(0.5 * side for side in values.shape), 90, 90, 90))
    ccp4.grid.spacegroup = gemmi.SpaceGroup("P 1")
    ccp4.update_ccp4_header()
    ccp4.write_ccp4_map(str(path))


def master(path: Path, count: int = 2) -> None:
    """Write an HDF5 master as the Eiger's own writer leaves it, its images inside."""
    with h5py.File(path, "w") as file:
        file.create_dataset("entry/data/data", data=np.stack([still()] * count), chunks=(1, *SHAPE))
        about = {"x_pixel_size": 1e-4, "y_pixel_size": 1e-4, "detector_distance": 0.1}
        about |= {"beam_center_x": 90.0, "beam_center_y": 100.0, "description": "Dectris Eiger 1M"}
        for name, value in about.items():
            file[f"entry/instrument/detector/{name}"] = value
        file["entry/instrument/beam/incident_wavelength"] = 1.0
        file["entry/instrument/detector/detectorSpecific/pixel_mask"] = np.zeros(SHAPE, np.uint32)


def expt() -> dict:
    """A DIALS experiment list of the image `good.npy`."""
    panel = {"origin": [-9.0, 10.0, -100.0], "fast_axis": [1, 0, 0], "slow_axis": [0, -1, 0]}
    panel |= {"image_size": [SHAPE[1], SHAPE[0]], "pixel_size": [0.1, 0.1], "gain": 1.0}
    experiment = {"__id__": "Experiment", "identifier": "", "beam": 0, "detector": 0, "imageset": 0}
    return {
        "__id__": "ExperimentList",
        "experiment": [experiment],
        "imageset": [{"__id__": "ImageSet", "images": ["good.npy"]}],
        "beam": [{"direction": [0, 0, 1], "wavelength": 1.0}],
        "detector": [{"panels": [panel]}],
        "scan": [],
        "crystal": [],
    }


def expt_bytes() -> bytes:
    """The same as a file."""
    return json.dumps(expt(), indent=1).encode()


GEOM = b"""\
photon_energy = 12398
clen = 0.1
res = 10000
dim0 = ss
dim1 = fs
a/min_fs = 0
a/max_fs = 89
a/min_ss = 0
a/max_ss = 199
a/corner_x = -90
a/corner_y = -100
a/fs = +1.0x
a/ss = +1.0y
b/min_fs = 90
b/max_fs = 179
b/min_ss = 0
b/max_ss = 199
b/corner_x = 2
b/corner_y = -100
b/fs = +1.0x
b/ss = +1.0y
"""
PONI = b"""\
poni_version: 2.1
Detector: Detector
Detector_config: {"pixel1": 0.0001, "pixel2": 0.0001, "max_shape": [200, 180], "orientation": 3}
Distance: 0.1
Poni1: 0.01
Poni2: 0.009
Rot1: 0.01
Rot2: 0.02
Rot3: 0
Wavelength: 1e-10
"""
XDS = b"""\
JOB= XYCORR INIT COLSPOT IDXREF
ORGX= 90 ORGY= 100
DETECTOR_DISTANCE= 100
X-RAY_WAVELENGTH= 1.0
DETECTOR= PILATUS MINIMUM_VALID_PIXEL_VALUE= 0 OVERLOAD= 65535
NX= 180 NY= 200 QX= 0.1 QY= 0.1
DIRECTION_OF_DETECTOR_X-AXIS= 1 0 0
DIRECTION_OF_DETECTOR_Y-AXIS= 0 1 0
INCIDENT_BEAM_DIRECTION= 0 0 1
"""


@cache
def pattern() -> np.ndarray:
    """The diffraction pattern of a small rectangle, [64, 64]."""
    shape = np.pad(np.ones((4, 9)), ((30, 30), (28, 27)))
    return (np.abs(np.fft.fftshift(np.fft.fft2(shape))) ** 2 * 100).astype(np.float32)


def cxi(path: Path) -> None:
    """Write two patterns as the CXI format lays them out."""
    with h5py.File(path, "w") as file:
        file["cxi_version"] = 160
        file["entry_1/instrument_1/detector_1/data"] = np.stack([pattern()] * 2)
        file["entry_1/data_1/data"] = h5py.SoftLink("/entry_1/instrument_1/detector_1/data")
        file["entry_1/data_1/mask"] = np.zeros((64, 64), np.uint32)
        file["entry_1/instrument_1/detector_1/distance"] = 1.0
        file["entry_1/instrument_1/detector_1/x_pixel_size"] = 1e-4
        file["entry_1/instrument_1/detector_1/y_pixel_size"] = 1e-4
        file["entry_1/instrument_1/source_1/energy"] = 1.6e-15


def patterns(path: Path) -> None:
    """Write two patterns as an HDF5 data set."""
    with h5py.File(path, "w") as file:
        file["pattern"] = np.stack([pattern()] * 2)


@cache
def cube() -> np.ndarray:
    """A Patterson map of two atoms, [16, 16, 16]."""
    values = np.zeros((16, 16, 16), np.float32)
    values[0, 0, 0], values[3, 2, 1], values[-3, -2, -1] = 10, 5, 5
    return values


def text(path: Path) -> bytes:
    """A file of the repository, unpacked."""
    raw = path.read_bytes()
    return gzip.decompress(raw) if path.suffix == ".gz" else raw


def cif(name: str = "ZnO_mp-2133") -> bytes:
    """A small crystal as a CIF."""
    return text(DATA / "materials" / f"{name}.cif")


POSCAR = b"""\
ZnO
1.0
3.25 0.0 0.0
-1.625 2.8146 0.0
0.0 0.0 5.2
Zn O
2 2
Direct
0.333333 0.666667 0.0
0.666667 0.333333 0.5
0.333333 0.666667 0.38
0.666667 0.333333 0.88
"""
XYZ = b"""\
4
Lattice="3.25 0.0 0.0 -1.625 2.8146 0.0 0.0 0.0 5.2" Properties=species:S:1:pos:R:3 pbc="T T T"
Zn 0.0 1.8764 0.0
Zn 1.625 0.9382 2.6
O 0.0 1.8764 1.976
O 1.625 0.9382 4.576
"""


def parquet(path: Path, **columns: list) -> None:
    """Write two structures as rows of a parquet file; `columns` replace those of a good one."""
    from pyarrow import parquet as files
    from pyarrow import table

    lattice = [3.25, 0.0, 0.0, -1.625, 2.8146, 0.0, 0.0, 0.0, 5.2]
    frac = [1 / 3, 2 / 3, 0.0, 2 / 3, 1 / 3, 0.5, 1 / 3, 2 / 3, 0.38, 2 / 3, 1 / 3, 0.88]
    rows = {"name": ["one", "two"], "lattice": [lattice] * 2, "species": [[30, 30, 8, 8]] * 2}
    rows |= {"frac_coords": [frac] * 2} | columns
    files.write_table(table(rows), path)
