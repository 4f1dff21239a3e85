"""What `argand molmnist predict` leaves in its folder: shapes, pictures, a summary and a page.

All files are written under another name and moved into place.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from argand import __version__
from argand.io.atomic import valid_text, write_bytes, write_text
from argand.io.cxi import FoundObject, Optics, write_cxi
from argand.io.hdf5_file import written_hdf5
from argand.io.suffix import MANY_IMAGES
from argand.io.weights import weights_file
from argand.runs import folder as runs
from argand.runs.course import Failure
from argand.runs.json_text import json_text
from argand.runs.record import SCHEMA_VERSION, SUMMARY, Record, to_record
from argand.runs.resume import ASKED, file_digest
from argand.systems.molmnist.inversion.answer_text import title_of
from argand.systems.molmnist.inversion.prediction import Prediction
from argand.systems.molmnist.inversion.truth import softened

_SUPPORT = 0.01
"""Share of the highest pixel of the softened shape above which a pixel is in the support of a CXI file. By
hand; where shapes are scored is told by the same share."""


@dataclass
class RunFolder(runs.RunFolder):
    """The folder of a run with shapes, pictures and a summary."""

    weights: str = "shipped"

    def write_results(self, folder: Path) -> None:
        """Write the records as lines and, with what they were made with, as the summary."""
        super().write_results(folder)
        made = {"schema_version": SCHEMA_VERSION, "argand": __version__, "weights": self.weights}
        told = made | {"records": self.all_records}
        write_text(folder / SUMMARY, json_text(told) + "\n")

    @property
    def outputs(self) -> "Outputs":
        """What is written for each answer."""
        return Outputs(self.folder)


def run_folder(
    out: Path | None,
    weights: Path,
    name: str,
    page: Callable[[Path], Path],
    *,
    force: bool = False,
    resume: bool = False,
) -> RunFolder:
    """The folder of a run with the weights of a file, which the summary calls by `name`."""
    settings = {"weights": file_digest(weights_file(weights))}
    return RunFolder(out, name, page=page, settings=settings, force=force, resume=resume)


@dataclass(frozen=True)
class Outputs:
    """What is written for each answer, and where; without a folder, nothing."""

    folder: Path | None = None

    def write(self, name: str, optics: Optics | None, answer: Prediction, rests_on: str) -> Record:
        """Write under `name` what belongs to an answer, which rests on this (`asked`); returns its record.

        `optics` are what the pattern's window follows from, where its file states them.
        """
        record = {"name": name, **answer.to_dict(), ASKED: rests_on}
        if self.folder is not None:
            record |= {"hdf5": f"{name}.h5", "picture": f"{name}.png", "cxi": f"{name}.cxi"}
            write_answer(self.folder / record["hdf5"], answer, record)
            write_object(self.folder / record["cxi"], optics, answer, record)
            title = f"{name}: {answer.headline}"
            write_bytes(self.folder / record["picture"], answer.to_png(title))
        return record


def output_name(file: str, index: int) -> str:
    """Name for what is made from pattern number `index` of a file."""
    path = Path(file)
    # Without an ending it is the sample.
    several = MANY_IMAGES.search(path.name) or not path.suffix or index
    return f"{path.stem}-{index}" if several else path.name.split(".")[0]


def failed(failure: Failure) -> Record:
    """The record of a pattern or file without an answer; its reason is one line that names the file."""
    about = {"schema_version": SCHEMA_VERSION, "file": failure.file, "index": failure.index, "failed": True}
    return {**about, "trusted": False, "believed": False, "reason": failure.message}


def write_answer(path: Path, answer: Prediction, record: Record) -> None:
    """HDF5 of one answer: shape and its deviation, the pattern as answered, its live pixels, the true shape.

    Shapes are in electrons per pixel of `window_side_angstrom` / n Å; everything of the record is an
    attribute, NaN where it is a number that is not known.
    """
    arrays = {"shape": answer.shape, "shape_sd": answer.shape_sd, "pattern": answer.pattern}
    arrays["live"] = answer.live
    truth = answer.true_shape
    if truth is not None:
        arrays["true_shape"] = truth
    with written_hdf5(path) as file:
        for name, values in arrays.items():
            file.create_dataset(name, data=values, compression="gzip", shuffle=True)
        for name in ("shape", "shape_sd", *(("true_shape",) if truth is not None else ())):
            file[name].attrs["units"] = "electrons per pixel"
        for name, value in record.items():
            plain = np.nan if value is None else value
            plain = json.dumps(to_record(plain)) if isinstance(plain, dict | list) else plain
            file.attrs[name] = valid_text(plain) if isinstance(plain, str) else plain
        file.attrs["argand"] = __version__


def write_object(path: Path, optics: Optics | None, answer: Prediction, record: Record) -> None:
    """CXI of one answer: the object beside the pattern that it was found from (`argand.io.cxi.write_cxi`).

    Distance, pixel size and energy are there where the window follows from them.
    """
    seen = softened(answer.shape, answer.window_side / len(answer.shape))
    found = FoundObject(
        density=answer.shape,
        deviation=answer.shape_sd,
        support=seen > _SUPPORT * seen.max(),
        window_side=answer.window_side,
        intensity=answer.pattern,
        live=answer.live,
        optics=optics if answer.window_from == "file" else None,
    )
    told = {name: str(record[name]) for name in ("file", "index", "trusted", "reason", "window_from")}
    told["notes"] = "; ".join(answer.notes)
    write_cxi(path, found, f"{record['name']}: {title_of(record)}, argand molmnist", told)
