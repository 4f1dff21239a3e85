"""The reflections that lie beside the instructions, so that SHELXL can start: NAME.hkl and its HKLF card."""

from pathlib import Path

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
    measured, (card, scale) = crystal.measured, hklf_card(crystal)
    if measured is not None:
        if path.exists() and Path(measured.source).exists() and path.samefile(measured.source):
            return card_of(measured), 1.0
        if card != PLAIN:
            text = read_bytes(measured.source, MOST_TEXT_BYTES)
            write_text(path, text.decode("latin-1"))
            return card, scale
    data = crystal.observed if measured is None else measured
    write_hklf4(path, data.hkl, data.intensity, data.sigma, scale)
    return card, scale


def hklf_card(crystal: CrystalData) -> tuple[str, float]:
    """The HKLF card of the reflections as `write_reflections` writes them, and the factor on their F²."""
    measured = crystal.measured
    if measured is not None and (card := card_of(measured)) != PLAIN:
        return card, 1.0
    data = crystal.observed if measured is None else measured
    return PLAIN, hklf4_scale(data.intensity, data.sigma)


def card_of(measured: MeasuredIntensities) -> str:
    """The HKLF card that came with the reflections; HKLF 4 without one, or where they are of another form."""
    stated = " ".join(str(getattr(measured, "hklf", "")).split())
    if not stated or not is_shelx(measured.source):
        return PLAIN
    return stated if stated.upper().startswith("HKLF") else f"HKLF {stated}"


def is_shelx(source: str) -> bool:
    """Whether a file is one of SHELX by its name."""
    return source.lower().removesuffix(".gz").endswith(".hkl")
