"""Folders of runs of all four systems, written by the functions that write them, without networks."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from argand.io.atomic import make_folder
from argand.io.image import Frame
from argand.io.structure import write_structure
from argand.physics.crystal.structure import checked
from argand.physics.still.detector import BeamGeometry
from argand.runs.course import Failure
from argand.runs.folder import RunFolder
from argand.systems.crystals.files.explore import interpolate_files
from argand.systems.crystals.files.run import reconstruct_files
from argand.systems.crystals.latent.representation import representation_of
from argand.systems.crystals.models.fourier import FourierModel
from argand.systems.crystals.predict import Predictor
from argand.systems.geometry.files.batch import FrameAnswer
from argand.systems.geometry.files.outputs import RunFolder as GeometryFolder
from argand.systems.geometry.files.record import failed as failed_image
from argand.systems.geometry.files.record import stem as output_stem
from argand.systems.geometry.refine.prediction import Prediction as Centre
from argand.systems.molmnist.files.inputs import PatternTruth
from argand.systems.molmnist.files.outputs import RunFolder as FibrilFolder
from argand.systems.molmnist.files.outputs import failed as failed_pattern
from argand.systems.molmnist.files.outputs import output_name
from argand.systems.molmnist.inversion.prediction import Prediction as Fibril
from argand.systems.patterson.files.run import MapAnswer, _written
from argand.systems.patterson.files.run import failed as failed_map
from argand.systems.patterson.maps.prediction import Prediction as Atoms
from argand.systems.patterson.solution.answer import CrystalAnswer
from argand.systems.patterson.solution.file_search import crystal_of
from argand.systems.patterson.solution.solve import solve

DATA = Path(__file__).parents[1] / "examples" / "data" / "cod_2016452.hkl.gz"
CELL = (9.748, 8.890, 7.566, 90.0, 112.74, 90.0)


def centre_of(file: str, index: int = 0, trusted: bool = True) -> Centre:
    """An answer of geometry for an image of this name."""
    return Centre(
        file=file,
        index=index,
        shape=(100, 120),
        trusted=trusted,
        reason="a lattice gives the centre" if trusted else f"{file}: too few spots",
        path="lattice",
        geometry=BeamGeometry((60.5, 45.5), 150.0, 1.0, (0.1, 0.1), 0.01, -0.02),
        sigma_px=0.25,
        tilt_sigma_deg=(0.1, 0.1),
        tilt_measured=True,
        header_beam_centre_px=(59.0, 48.0),
        network_centre_px=None,
        network_sigma_px=None,
        network_tilt_deg=None,
        spots=40,
        indexed=30,
        rms_px=0.5,
        seconds=0.1,
        covariance=np.diag([0.09, 0.04, 1e-6, 1e-6]),
    )


def geometry_run(folder: Path, names: Sequence[str], overlays: int = 1) -> Path:
    """Answers for images of these names, the first ones with pictures, the last one a failure."""
    image = np.random.default_rng(0).poisson(3, (100, 120)).astype(np.int32)
    mask = np.ones(image.shape, bool)
    with GeometryFolder(folder, overlay=True) as run:
        for number, name in enumerate(names):
            run.overlay = number < overlays
            frame = Frame(name, 0, image, mask, (0.1, 0.1), 150.0, 1.0, (59.0, 48.0), saturation=60000.0)
            answer = FrameAnswer(frame, centre_of(name, trusted=number % 2 == 0))
            record = run.outputs.write(run.unused(output_stem(name, 0)), answer)
            run.note(run.keep(record), answer.prediction)
        run.keep(failed_image(Failure(names[-1], f"{names[-1]}: not an image; give another")))
    return folder


def fibril_of(notes: Sequence[str] = ()) -> Fibril:
    """An answer of molmnist: a smooth object, its pattern without a phase problem."""
    y, x = np.mgrid[-32:32, -32:32] + 0.5
    shape = 5 * np.exp(-(x**2 / 60 + y**2 / 30))
    pattern = np.abs(np.fft.fftshift(np.fft.fft2(shape))) ** 2 + 1e-3
    return Fibril(
        shape=shape,
        shape_sd=0.1 * shape + 0.01,
        rotation_deg=20.0,
        residual=0.05,
        expected_residual=0.04,
        pattern=pattern,
        live=np.ones(shape.shape, bool),
        window_side=200.0,
        fibrils=("2x2", "3x3"),
        probability=np.array([0.1, 0.9]),
        twist_deg_per_nm=2.5,
        twist_sd_deg_per_nm=0.1,
        twist_is_measured=True,
        notes=tuple(notes),
    )


def fibril_run(folder: Path, names: Sequence[str]) -> Path:
    """Answers for patterns of these names, the last one again without an answer."""
    answer = fibril_of(names[:3])
    truth = PatternTruth(answer.shape, {"rotation_deg": 21.0, "fibril": names[0], "twist_deg_per_nm": 2.0})
    answer = replace(answer, file=names[0], truth=truth, seconds=0.1)
    with FibrilFolder(folder) as run:
        name = run.unused(output_name(names[0], 0))
        first = run.keep(run.outputs.write(name, None, answer, "nothing"))
        # The files of the others are copies: pictures take long.
        for name in names[1:]:
            stem = run.unused(Path(name).name)
            files = {key: f"{stem}{Path(first[key]).suffix}" for key in ("hdf5", "cxi", "picture")}
            for key, file in files.items():
                shutil.copy(folder / first[key], folder / file)
            run.keep({**first, **files, "file": name, "name": stem, "truth": None})
        run.keep(failed_pattern(Failure(names[-1], f"{names[-1]}: no pattern; give another")))
    return folder


def map_run(folder: Path, names: Sequence[str], answered: int = 2) -> Path:
    """The first maps of these names with an answer, the others without."""
    places = np.array([[-3.0, 0, 0], [3.0, 1, 0], [0, 2, 4.0]])
    grid = np.stack(np.meshgrid(*[np.fft.fftfreq(24, 1 / 24)] * 3, indexing="ij"), -1)
    apart = (places[:, None] - places[None]).reshape(-1, 3)
    values = sum(np.exp(-((grid - one) ** 2).sum(-1) / 4) for one in apart).astype(np.float32)
    with RunFolder(folder) as run:
        for name in names[:answered]:
            found = Atoms(places, True, 0.01, "dual-space", 3, reason="as told", box=(24, 24, 24))
            record = {"file": name, **found.to_dict(), "seconds": 0.1}
            stem = run.unused(Path(name).name.split(".")[0])
            run.keep(_written(MapAnswer(values, None, found, record), folder, stem))
        for name in names[answered:]:
            run.keep(failed_map(Failure(name, f"{name}: no map; give another")))
    return folder


def solved_run(folder: Path, names: Sequence[str]) -> Path:
    """Summaries and files of one solved crystal under these names."""
    make_folder(folder)
    crystal, _ = crystal_of(DATA, CELL, "P 21/c", "C14H14O2")
    solution = solve(crystal, time_limit=20.0, seed=0)
    asked = {"data": DATA.name, "cell": CELL, "spacegroup": "P 21/c", "formula": "C14H14O2", "units": None}
    for name in names:
        CrystalAnswer.of(solution, name, asked | {"data": name}).write(folder, resume=True)
    return folder


def salt(metal: int, length: float):
    """Two atoms in a face-centred cell."""
    face = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    return checked(length * face, np.array([metal, 17]), np.array([[0, 0, 0], [0.5, 0.5, 0.5]]))


def crystal_run(folder: Path, cifs: Path, names: Sequence[str]) -> Path:
    """Structures of files of these names in `cifs`, encoded and decoded."""
    cifs.mkdir(parents=True)
    for number, name in enumerate(names):
        write_structure(cifs / f"{name}.cif", salt((3, 11, 19, 37)[number % 4], 5.1 + 0.1 * number), "salt")
    (cifs / f"broken{names[0]}.cif").write_text("data_broken\n")
    reconstruct_files([str(cifs)], folder, FourierModel(representation_of(256)))
    return folder


def way_run(folder: Path, first: Path, second: Path) -> Path:
    """The way between two structures."""
    interpolate_files(first, second, 4, folder, Predictor(FourierModel(representation_of(256))), 1)
    return folder
