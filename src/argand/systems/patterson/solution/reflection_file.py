"""The reflections that lie beside the instructions, so that SHELXL can start: NAME.hkl and its HKLF card."""

from pathlib import Path

import numpy as np

from argand.io.atomic import write_text
from argand.io.hkl import hklf4_scale, write_hklf4
from argand.io.limits import MOST_TEXT_BYTES, read_bytes
from argand.io.reflections import MeasuredIntensities
from argand.systems.patterson.solution.reflections import CrystalData

PLAIN = "HKLF 4"


def write_reflections(path: Path, crystal: CrystalData) -> tuple[str, float]:
    """Write the reflections as they were measured; the HKLF card for them, and the factor on their F².

    A file of another HKLF, of twins or with a matrix, is copied as it is, with the card that came with it:
    what SHELXL makes of it is in both. All else is written as HKLF 4, scaled where its columns are
    too narrow. The file that was read is left alone.
    """
    measured = crystal.measured
    if measured is None:
        data = crystal.observed
        return PLAIN, _write(path, data.hkl, data.intensity, data.sigma)
    card = card_of(measured)
    if path.exists() and Path(measured.source).exists() and path.samefile(measured.source):
        return card, 1.0
    if card != PLAIN and is_shelx(measured.source):
        text = read_bytes(measured.source, MOST_TEXT_BYTES)
        write_text(path, text.decode("latin-1"))
        return card, 1.0
    return PLAIN, _write(path, measured.hkl, measured.intensity, measured.sigma)


def card_of(measured: MeasuredIntensities) -> str:
    """The HKLF card that came with the reflections; HKLF 4 without one, or where they are of another form."""
    stated = " ".join(str(getattr(measured, "hklf", "")).split())
    if not stated or not is_shelx(measured.source):
        return PLAIN
    return stated if stated.upper().startswith("HKLF") else f"HKLF {stated}"


def is_shelx(source: str) -> bool:
    """Whether a file is one of SHELX by its name."""
    return source.lower().removesuffix(".gz").endswith(".hkl")


def _write(path: Path, hkl: np.ndarray, intensity: np.ndarray, sigma: np.ndarray) -> float:
    scale = hklf4_scale(intensity, sigma)
    write_hklf4(path, hkl, intensity, sigma, scale)
    return scale
