"""Classical ways to find a beam centre, for comparison: one frame in, one answer out.

None of them reads the beam centre of the frame's header, except DIALS, which starts from it.
"""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy import optimize
from scipy.fft import next_fast_len

from argand.io.image import Frame

_COARSE_TO_FINE = (32, 16, 8, 4, 2, 1)
_LEAST_SIDE_PX = 24
_CUT_QUANTILE = 0.999
_CLIP_SIGMA = 3.0
_INVERSION_BINNING = 4
_LEAST_OVERLAP = 0.3
_DIALS_STEPS = (
    ("dials.import", "{image}"),
    ("dials.find_spots", "imported.expt", "nproc=1"),
    ("dials.search_beam_position", "imported.expt", "strong.refl"),
)
_DIALS_ANSWER = re.compile(r"New beam centre:.*\(\s*([-0-9.]+),\s*([-0-9.]+)\s*px\)")
_DIALS_COMPLAINT = re.compile(r"^\w+: (Please report this error to \S+ )?")
_DIALS_LIMIT_SECONDS = 120


class NoAnswerError(Exception):
    """A method has no answer; the message says why."""


@dataclass(frozen=True)
class Answer:
    """Beam centre (fast, slow) in px, integer = pixel edge; None with the reason where there is none."""

    beam_centre_px: tuple[float, float] | None
    seconds: float
    reason: str = ""


def constant(frame: Frame) -> tuple[float, float]:
    """The centre of the detector, whatever the image."""
    slow, fast = frame.shape
    return fast / 2, slow / 2


def radial_symmetry(frame: Frame) -> tuple[float, float]:
    """The centre around which the background varies least at equal radius, from the middle of the image.

    Nelder-Mead on images shrunk less and less, down to the full one. Spots are clipped at three
    standard deviations above the mean at their radius.
    """
    slow, fast = frame.shape
    data = without_highlights(frame)
    centre = np.array([fast / 2, slow / 2])
    for factor in _COARSE_TO_FINE:
        values, weights = shrink(data, frame.mask, factor)
        if min(values.shape) >= _LEAST_SIDE_PX:
            centre = factor * _most_symmetric(values, weights, centre / factor)
    return float(centre[0]), float(centre[1])


def inversion(frame: Frame) -> tuple[float, float]:
    """The centre about which the image resembles its own inversion most.

    Masked normalised correlation by Fourier transforms (Padfield 2012) of the image with itself turned
    by half a turn; its peak lies at twice the centre. At least 0.3 of the largest overlap is required.
    """
    values, weights = shrink(without_highlights(frame), frame.mask, _INVERSION_BINNING)
    mask = (weights > 0).astype(float)
    values = np.sqrt(values) * mask
    size: list = [next_fast_len(2 * n - 1, real=True) for n in values.shape]
    image, valid, square = (np.fft.rfft2(array, size) for array in (values, mask, values**2))
    overlap, summed, squares, product = (
        np.fft.irfft2(one * two, size)
        for one, two in ((valid, valid), (image, valid), (square, valid), (image, image))
    )
    enough = overlap > _LEAST_OVERLAP * overlap.max()
    count = np.where(enough, overlap, 1.0)
    variance = np.maximum(squares - summed**2 / count, 1e-6 * squares.max())
    correlation = np.where(enough, (product - summed**2 / count) / variance, -1.0)
    row, column = _peak(correlation[: 2 * mask.shape[0] - 1, : 2 * mask.shape[1] - 1])
    return _INVERSION_BINNING * (column / 2 + 0.5), _INVERSION_BINNING * (row / 2 + 0.5)


def dials(frame: Frame) -> tuple[float, float]:
    """What `dials.search_beam_position` says with its default settings, from spots found by DIALS.

    Runs the installed programs in a temporary folder, on a file that holds one image; DIALS reads that
    file's header and starts there. Raises NoAnswerError when they are missing or find no centre.
    """
    if not shutil.which(_DIALS_STEPS[-1][0]):
        raise NoAnswerError("dials is not installed")
    source = Path(frame.path).resolve()
    with tempfile.TemporaryDirectory(prefix="dials-") as folder:
        # DIALS wants a number in a file's name.
        image = Path(folder) / ("image_0001" + "".join(source.suffixes))
        image.symlink_to(source)
        for step in _DIALS_STEPS:
            output = _run([word.format(image=image) for word in step], folder)
    found = _DIALS_ANSWER.search(output)
    if not found:
        raise NoAnswerError("dials.search_beam_position gave no centre")
    return float(found[1]), float(found[2])


OPPONENTS: dict[str, Callable[[Frame], tuple[float, float]]] = {
    "constant": constant,
    "inversion": inversion,
    "radial_symmetry": radial_symmetry,
    "dials": dials,
}


def ask(name: str, frame: Frame) -> Answer:
    """The answer of the named method to one frame, timed; NoAnswerError becomes the reason for none."""
    start = time.perf_counter()
    try:
        if not frame.mask.any():
            raise NoAnswerError("no usable pixel")
        centre, reason = OPPONENTS[name](frame), ""
    except NoAnswerError as error:
        centre, reason = None, str(error)
    return Answer(centre, time.perf_counter() - start, reason)


def without_highlights(frame: Frame) -> np.ndarray:
    """The image with its brightest thousandth cut down to the rest, and nothing below zero.

    A single saturated pixel is perfectly symmetric about itself and would pull the centre upon it.
    """
    return np.clip(frame.data, 0, np.quantile(frame.data[frame.mask], _CUT_QUANTILE))


def shrink(
    data: np.ndarray, mask: np.ndarray, factor: int
) -> tuple[Float[np.ndarray, "slow fast"], Float[np.ndarray, "slow fast"]]:
    """Mean of the usable pixels in blocks of `factor` x `factor`, and how many there are.

    Rows and columns that do not fill a block are left out at the far edges.
    """
    slow, fast = (n // factor * factor for n in data.shape)
    blocks = (slow // factor, factor, fast // factor, factor)
    weights = mask[:slow, :fast].reshape(blocks).sum(axis=(1, 3), dtype=np.float64)
    usable = np.where(mask[:slow, :fast], data[:slow, :fast], 0)
    sums = usable.reshape(blocks).sum(axis=(1, 3), dtype=np.float64)
    return sums / np.maximum(weights, 1.0), weights


class RadialBins:
    """Radial means of an image's usable pixels around any centre (fast, slow) px."""

    def __init__(self, values: Float[np.ndarray, "slow fast"], weights: Float[np.ndarray, "slow fast"]):
        self.slow, self.fast = (place + 0.5 for place in np.nonzero(weights > 0))
        self.values, self.weights = values[weights > 0], weights[weights > 0]

    def variance(self, centre: np.ndarray) -> float:
        """Weighted mean square deviation of the pixels from the mean at their radius."""
        bins, means = self._means(centre)
        return float(self.weights @ (self.values - means[bins]) ** 2 / self.weights.sum())

    def clip(self, centre: np.ndarray) -> None:
        """Cut values at three standard deviations above the mean at their radius."""
        bins, means = self._means(centre)
        square = np.bincount(bins, self.weights * (self.values - means[bins]) ** 2)
        spread = np.sqrt(square / np.maximum(np.bincount(bins, self.weights), 1e-9))
        self.values = np.minimum(self.values, (means + _CLIP_SIGMA * spread)[bins])

    def _means(self, centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        bins = np.hypot(self.fast - centre[0], self.slow - centre[1]).astype(np.intp)
        count = np.bincount(bins, self.weights)
        return bins, np.bincount(bins, self.weights * self.values) / np.maximum(count, 1e-9)


def _most_symmetric(values: np.ndarray, weights: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Centre of least radial variance of one image, searched from `centre`, both (fast, slow) px."""
    image = RadialBins(values, weights)
    for _ in range(3):
        image.clip(centre)
    simplex = centre + np.array([[0.0, 0.0], [3.0, 1.0], [-1.0, 3.0]])
    options = {"initial_simplex": simplex, "xatol": 0.1, "fatol": 0.0, "maxfev": 60}
    return optimize.minimize(image.variance, centre, method="Nelder-Mead", options=options).x


def _peak(surface: np.ndarray) -> tuple[float, float]:
    """Index of the highest value, refined by a parabola through its neighbours along each axis."""
    place = np.unravel_index(np.argmax(surface), surface.shape)
    refined = []
    for axis, index in enumerate(place):
        line = np.moveaxis(surface, axis, 0)[(slice(None), *np.delete(place, axis))]
        low, top, high = (line[np.clip(index + step, 0, line.size - 1)] for step in (-1, 0, 1))
        bend = low - 2 * top + high
        refined.append(float(index + (0.5 * (low - high) / bend if bend < 0 else 0.0)))
    return refined[0], refined[1]


def _run(command: list[str], folder: str) -> str:
    """Output of a command; NoAnswerError with its last line when it fails or takes too long."""
    settings = {**os.environ, "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=settings, capture_output=True, text=True, timeout=_DIALS_LIMIT_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise NoAnswerError(f"{command[0]} took more than {_DIALS_LIMIT_SECONDS} s") from error
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()
        raise NoAnswerError(f"{command[0]}: {_DIALS_COMPLAINT.sub('', lines[-1])}")
    return done.stdout
