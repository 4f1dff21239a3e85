"""What `argand molmnist predict` leaves in its folder: shapes, pictures, a summary and a page.

All files are written under another name and moved into place.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from argand import __version__
from argand.io.atomic import valid_text, write_text, written
from argand.io.cxi import FoundObject, write_cxi
from argand.io.hdf5_file import written_hdf5
from argand.io.suffix import MANY_IMAGES
from argand.runs import folder as runs
from argand.runs.course import Failure
from argand.runs.json_text import json_text
from argand.runs.picture import any_letters
from argand.runs.record import SUMMARY, Record, to_record
from argand.runs.resume import ASKED
from argand.systems.molmnist.fibril.bundle import occupied
from argand.systems.molmnist.files.inputs import PatternCase
from argand.systems.molmnist.inversion.prediction import Prediction
from argand.systems.molmnist.inversion.shape_basis import BLUR, blur

_SUPPORT = 0.01
"""Share of the highest pixel of the softened shape above which a pixel is in the support of a CXI file. By
hand; where shapes are scored is told by the same share."""
_SHOWN_DECADES = 7
"""Of intensity below the brightest pixel in a picture. By hand, for the eye; `view` has the same."""

Shape = Float[np.ndarray, "slow fast"]


@dataclass
class RunFolder(runs.RunFolder):
    """The folder of a run with shapes, pictures and a summary."""

    weights: str = "shipped"

    def write_results(self, folder: Path) -> None:
        """Write the records as lines and, with what they were made with, as the summary."""
        super().write_results(folder)
        told = {"argand": __version__, "weights": self.weights, "records": self.records}
        write_text(folder / SUMMARY, json_text(told) + "\n")

    @property
    def outputs(self) -> "Outputs":
        """What is written for each answer."""
        return Outputs(self.folder)


@dataclass(frozen=True)
class Outputs:
    """What is written for each answer, and where; without a folder, nothing."""

    folder: Path | None = None

    def write(
        self, name: str, case: PatternCase, answer: Prediction, seconds: float, rests_on: str
    ) -> Record:
        """Write under `name` what belongs to an answer, which rests on this (`asked`); returns its record."""
        record = record_of(case, answer, seconds) | {"name": name, ASKED: rests_on}
        if self.folder is not None:
            record |= {"hdf5": f"{name}.h5", "picture": f"{name}.png", "cxi": f"{name}.cxi"}
            write_answer(self.folder / record["hdf5"], case, answer, record)
            write_object(self.folder / record["cxi"], case, answer, record)
            draw_answer(self.folder / record["picture"], case, answer, record)
        return record


def output_name(file: str, index: int) -> str:
    """Name for what is made from pattern number `index` of a file."""
    path = Path(file)
    # Without an ending it is the sample.
    several = MANY_IMAGES.search(path.name) or not path.suffix or index
    return f"{path.stem}-{index}" if several else path.name.split(".")[0]


def record_of(case: PatternCase, answer: Prediction, seconds: float) -> Record:
    """An answer in plain values; `correlation` is Pearson's of the blurred shape with the true one.

    Twists are without their hand, and None where the pattern does not tell them; so are fibril and
    probability from a network that names none.
    """
    verdict = answer.verdict
    record: Record = {
        "name": output_name(case.file, case.index),
        "file": case.file,
        "index": case.index,
        "believed": verdict.believed,
        "reason": verdict.reason,
        "notes": list(answer.notes),
        **_identity(answer),
        "rotation_deg": answer.rotation_deg,
        "residual": answer.residual,
        "expected_residual": answer.expected_residual,
        "window_side_angstrom": answer.window_side,
        "window_from": answer.window_from,
        "radiation": case.radiation,
        "pixels": len(answer.pattern),
        "seconds": round(seconds, 3),
    }
    if case.truth is not None:
        record["truth"] = dict(case.truth.told)
        truth = true_shape(case, answer)
        if truth is not None:
            record["truth"]["correlation"] = _correlation(truth, answer)
    return record


def _identity(answer: Prediction) -> Record:
    """Fibril, its probability and the twist, as far as the answer tells them."""
    told = answer.twist_is_measured
    chances = None if answer.probability is None else answer.probability.tolist()
    return {
        "fibril": answer.fibril,
        "probability": None if chances is None else max(chances),
        "probabilities": {} if chances is None else dict(zip(answer.fibrils, chances, strict=True)),
        "twist_deg_per_nm": answer.twist_deg_per_nm if told else None,
        "twist_sd_deg_per_nm": answer.twist_sd_deg_per_nm if told else None,
        **_bundle(answer),
    }


def _bundle(answer: Prediction) -> Record:
    """Chains, outline and turn, where the answer is a bundle."""
    if answer.sites is None:
        return {}
    names = ("chains", "chains_sd", "outline", "outline_probability", "turn_deg", "turn_sd_deg")
    sites = occupied(answer.sites).tolist()
    return {name: getattr(answer, name) for name in names} | {"sites": sites}


def title_of(record: Record) -> str:
    """What was found, in a few words: a fibril by name, or so many chains."""
    chains = record.get("chains")
    if chains is None:
        return record["fibril"] or "object"
    said = (
        f"{chains:.0f} chains"
        if record["chains_sd"] < 0.5
        else f"{chains:.0f} ± {record['chains_sd']:.0f} chains"
    )
    return said if record["fibril"] is None else f"{record['fibril']}, {said}"


def failed(failure: Failure) -> Record:
    """The record of a pattern or file without an answer; its reason is one line that names the file."""
    about = {"file": failure.file, "index": failure.index, "failed": True, "believed": False}
    return {**about, "reason": failure.message}


def true_shape(case: PatternCase, answer: Prediction) -> Shape | None:
    """The true shape, turned by half where that is nearer: a pattern cannot tell. None where not known."""
    if case.truth is None or case.truth.shape.shape != answer.shape.shape:
        return None
    shape = case.truth.shape
    # Pixels of an even side are symmetric about its middle, as shapes are.
    turned = shape[::-1, ::-1]
    return max((shape, turned), key=lambda one: _correlation(one, answer))


def _correlation(truth: Shape, answer: Prediction) -> float:
    pixel = answer.window_side / len(truth)
    one, other = (softened(part, pixel).ravel() for part in (truth, answer.shape))
    return float(np.corrcoef(one, other)[0, 1])


def softened(image: Shape, pixel: float) -> Shape:
    """An image with pixels of this many Å after the blur with which shapes are compared."""
    return blur(image[None].astype(float), BLUR / pixel)[0]


def write_answer(path: Path, case: PatternCase, answer: Prediction, record: Record) -> None:
    """HDF5 of one answer: shape and its deviation, the pattern as answered, its live pixels, the true shape.

    Shapes are in electrons per pixel of `window_side_angstrom` / n Å; everything of the record is an
    attribute, NaN where it is a number that is not known.
    """
    arrays = {"shape": answer.shape, "shape_sd": answer.shape_sd, "pattern": answer.pattern}
    arrays["live"] = answer.live
    truth = true_shape(case, answer)
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


def write_object(path: Path, case: PatternCase, answer: Prediction, record: Record) -> None:
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
        optics=case.optics if answer.window_from == "file" else None,
    )
    told = {name: str(record[name]) for name in ("file", "index", "believed", "reason", "window_from")}
    told["notes"] = "; ".join(answer.notes)
    write_cxi(path, found, f"{record['name']}: {title_of(record)}, argand molmnist", told)


def draw_answer(path: Path, case: PatternCase, answer: Prediction, record: Record) -> None:
    """PNG of one answer: pattern, shape, its deviation; truth and difference where known.

    Axes in Å and 1/Å, the y of the slow axis upwards. OutputError where the disk refuses.
    """
    from matplotlib.figure import Figure  # slow to import, and without --out nothing is drawn

    truth, pixel = true_shape(case, answer), answer.window_side / len(answer.shape)
    top = float(max(answer.shape.max(), 0.0 if truth is None else truth.max()))
    panels = [("shape", answer.shape, "magma", (0.0, top))]
    panels += [("standard deviation, blurred 1 Å", answer.shape_sd, "viridis", (None, None))]
    if truth is not None:
        off = softened(answer.shape - truth, pixel)
        most = float(np.abs(off).max())
        panels += [("truth", truth, "magma", (0.0, top))]
        panels += [("shape - truth, blurred 1 Å", off, "RdBu", (-most, most))]
    figure = Figure(figsize=(4.2 * (len(panels) + 1), 4.4), layout="constrained")
    axes = figure.subplots(1, len(panels) + 1)
    _draw_pattern(axes[0], answer)
    reach, side = shape_extent(answer.shape) * pixel / 2, answer.window_side / 2
    extent = (-side, side, -side, side)
    for one, (title, values, colours, (low, high)) in zip(axes[1:], panels, strict=True):
        image = one.imshow(values, origin="lower", extent=extent, cmap=colours, vmin=low, vmax=high)
        one.set(title=title, xlabel="Å", xlim=(-reach, reach), ylim=(-reach, reach))
        figure.colorbar(image, ax=one, shrink=0.8, label="electrons / pixel")
    verdict = "believed" if record["believed"] else "NOT believed"
    title = f"{record['name']}: {title_of(record)}, {verdict} ({record['reason']})"
    figure.suptitle(valid_text(title), parse_math=False)
    with written(path) as partial, any_letters():
        figure.savefig(partial, dpi=80, format="png")


def _draw_pattern(axes: Any, answer: Prediction) -> None:
    from matplotlib.colors import LogNorm

    half = np.pi * len(answer.pattern) / answer.window_side
    seen = np.where(answer.live & (answer.pattern > 0), answer.pattern, np.nan)
    top = float(np.nanmax(seen))
    low = min(max(float(np.nanmin(seen)), top * 10.0**-_SHOWN_DECADES), top / 2)
    extent = (-half, half, -half, half)
    image = axes.imshow(seen, origin="lower", extent=extent, norm=LogNorm(low, top), cmap="inferno")
    axes.figure.colorbar(image, ax=axes, shrink=0.8)
    axes.set(title="pattern", xlabel="q, 1/Å")


def shape_extent(shape: Shape) -> int:
    """Side in pixels of the square in the middle outside which nothing reaches 2 % of the highest pixel.

    That share and the 15 % of room around are by hand, for pictures alone.
    """
    slow, fast = np.nonzero(np.abs(shape) > 0.02 * np.abs(shape).max())
    middle = (len(shape) - 1) / 2
    reach = max(np.abs(slow - middle).max(initial=4), np.abs(fast - middle).max(initial=4))
    return min(2 * int(np.ceil(1.15 * reach)) + len(shape) % 2, len(shape))
