"""Parsing CIF texts with gemmi, even if the file is damaged."""

import re

import gemmi

from argand.errors import InputError
from argand.io.text_size import require_words

_REPAIRS, _REPAIRED = 20, 2**26
"""Most repairs of a file, and most characters read for them in total, as each repair reads the whole file
again. Set by hand: some seconds."""


def parsed_cif(text: str, source: str) -> gemmi.cif.Document:
    """The document of an unmodified text.

    Raises gemmi's ValueError or RuntimeError for an invalid CIF, InputError for too many words.
    """
    require_words(text, source)
    return gemmi.cif.read_string(text)


def read_document(text: str, source: str) -> tuple[gemmi.cif.Document, tuple[str, ...]]:
    """The document, and notes on the parts left out of a damaged one.

    Content before the damage is kept: an incomplete loop row is dropped, an unterminated text field is
    closed, anything else is cut off. Raises InputError if nothing is left.
    """
    first = ""
    for _ in range(max(1, min(_REPAIRS, _REPAIRED // (len(text) + 1)))):
        try:
            document = parsed_cif(text, source)
        except (ValueError, RuntimeError) as error:
            told = " ".join(str(error).split())
            first = first or told
            mended = _mended(text, told)
            if mended == text or not mended.strip():
                break
            text = mended
        else:
            if len(document) == 0:
                raise InputError(f"{source}: contains no data block")
            return document, (f"damaged CIF ({_shown(first)}): the readable part is used",) if first else ()
    raise InputError(f"{source}: is not a readable CIF ({_shown(first)}); is the file complete?")


def _shown(told: str) -> str:
    """gemmi's message with the line in words."""
    return re.sub(r"^string:(\d+)(:\d+\(\d+\))?( in [^:]*)?:? ?", r"line \1, ", told)[:100]


def _mended(text: str, told: str) -> str:
    """The text without the part rejected by the parser; unchanged if there is no known repair."""
    if "duplicate block name" in told:
        return _with_other_names(text)
    place = re.match(r"string:(\d+)", told)
    if place is None:
        return text
    lines, number = text.splitlines(), int(place[1])
    if "unterminated text field" in told:
        return text.rstrip("\n") + "\n;\n"
    if "Wrong number of values" in told:
        return "\n".join(_without_broken_rows(lines, number - 1)) + "\n"
    if "duplicate tag" in told or "has no value" in told:
        return "\n".join(lines[: number - 1] + lines[number:]) + "\n"
    return "\n".join(lines[: min(number, len(lines)) - 1]) + "\n"


def _with_other_names(text: str) -> str:
    """The text with numbered block names."""
    count = iter(range(1, text.lower().count("data_") + 2))
    return re.sub(r"(?im)^(data_\S*)", lambda name: f"{name[1]}_{next(count)}", text)


def _without_broken_rows(lines: list[str], start: int) -> list[str]:
    """The lines without those rows of the loop from line `start` that have too few or too many values."""
    first = start + 1
    while first < len(lines) and (not lines[first].strip() or lines[first].strip().startswith("_")):
        first += 1
    width = sum(line.strip().startswith("_") for line in lines[start:first])
    last = first
    while last < len(lines) and not re.match(r"\s*(_|loop_|data_|;)", lines[last], re.IGNORECASE):
        last += 1
    whole = [line for line in lines[first:last] if len(line.split()) == width]
    # A loop without any complete row is dropped, with its names.
    return lines[:first] + whole + lines[last:] if whole else lines[:start] + lines[last:]
