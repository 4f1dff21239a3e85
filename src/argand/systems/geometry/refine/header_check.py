"""Errors of a header's beam centre, found by comparison with the predicted centre.

Beamlines state centres in px and in mm, from any corner of the detector and with exchanged axes. A header
that is right in another interpretation is not corrected, but the interpretation is reported.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from argand.systems.geometry.refine.prediction import Prediction

USUAL_PX, SURE = 10.0, 5.0
"""Largest error of a header that is not reported, in px and in standard deviations of the predicted centre.
By hand, about twice the 0.5 to 5.6 px of real headers; five standard deviations, as elsewhere a wrong
answer."""
CLOSER = 0.1
"""How much closer another interpretation must be, as a share of the header's error. By hand: of headers that
are 12 to 300 px off in any direction, on detectors of three sizes, 0 to 3 % then seem right by chance."""

Centre = tuple[float, float]


def with_header_note(prediction: Prediction) -> Prediction:
    """The prediction with `header_note` among its notes."""
    note = header_note(prediction)
    return replace(prediction, notes=(*prediction.notes, note)) if note else prediction


def header_note(prediction: Prediction) -> str | None:
    """One sentence on a wrong beam centre of the header; None if it is right, or if nothing can be said.

    It says whether the centre is off the detector, and which other interpretation (exchanged axes, another
    corner, another unit) is at most a tenth as far from the predicted centre or the best guess.
    """
    header = prediction.header_beam_centre_px
    if header is None or prediction.geometry is None or prediction.panels is not None:
        return None
    slow, fast = prediction.shape
    off = "" if 0 <= header[0] <= fast and 0 <= header[1] <= slow else " lies off the detector"
    found, sigma = prediction.geometry.beam_centre_px, prediction.sigma_px or np.inf
    apart = _apart(header, found)
    stated = f"the header's beam centre ({header[0]:.1f}, {header[1]:.1f}) px"
    if apart <= max(USUAL_PX, SURE * sigma):
        return f"{stated}{off}" if off and not prediction.trusted else None
    limit = min(CLOSER * apart, max(USUAL_PX, SURE * sigma))
    name, place = min(_readings(header, prediction), key=lambda reading: _apart(reading[1], found))
    if _apart(place, found) > limit:
        return f"{stated}{off}" if off else None
    one = "the predicted one" if prediction.trusted else "the best guess"
    which = f"{name}, ({place[0]:.1f}, {place[1]:.1f}), it would be {_apart(place, found):.1f} px from {one}"
    return f"{stated}{off}; {which}" if off else f"{stated} is {apart:.0f} px from {one}; {which}"


def _apart(first: Centre, second: Centre) -> float:
    return float(np.hypot(*np.subtract(first, second)))


def _readings(header: Centre, prediction: Prediction) -> Iterator[tuple[str, Centre]]:
    """The other interpretations of a header's centre: in words, and the position of each in px."""
    assert prediction.geometry is not None
    pixel = prediction.geometry.pixel_size_mm
    units = {
        "": header,
        "taken as mm": (header[0] / pixel[0], header[1] / pixel[1]),
        "taken as px instead of mm": (header[0] * pixel[0], header[1] * pixel[1]),
    }
    for unit, (x, y) in units.items():
        for exchanged, centre in (("", (x, y)), ("exchanged", (y, x))):
            for corner, place in _corners(centre, prediction.shape):
                words = [word for word in (unit, exchanged, corner) if word]
                # Another unit and another corner together would be too many guesses at once.
                if words and not (unit and corner):
                    yield " and ".join(words), place


def _corners(centre: Centre, shape: tuple[int, int]) -> Iterator[tuple[str, Centre]]:
    slow, fast = shape
    x, y = centre
    yield "", (x, y)
    yield "counted from the other end of the fast axis", (fast - x, y)
    yield "counted from the other end of the slow axis", (x, slow - y)
    yield "counted from the opposite corner", (fast - x, slow - y)
