"""How elements look in drawings of structures: radii, and colours that differ in lightness too."""

import colorsys

import gemmi

_COLOURS = {
    "H": "#f4f4f2",
    "B": "#f2b8a0",
    "C": "#5c646e",
    "N": "#2f62d9",
    "O": "#dd3b24",
    "F": "#b9e08a",
    "Na": "#a98be0",
    "Mg": "#58b8a6",
    "Al": "#a9b6c6",
    "Si": "#e3bd8a",
    "P": "#f08c1a",
    "S": "#f3d333",
    "Cl": "#86d05a",
    "K": "#8560c8",
    "Ca": "#3f9c94",
    "Ti": "#6fb1ea",
    "Cr": "#4f7f9e",
    "Mn": "#a35fb0",
    "Fe": "#c4672b",
    "Co": "#e58fb3",
    "Ni": "#4fae7c",
    "Cu": "#c98350",
    "Zn": "#8c93bd",
    "Br": "#93401f",
    "Sr": "#2fb59a",
    "Ag": "#c3c9d1",
    "I": "#75339c",
    "Ba": "#23917d",
    "Pb": "#565a6e",
    "Li": "#c9b3f2",
}
"""By hand: chemists' customs (grey carbon, blue nitrogen, red oxygen, yellow sulphur), in lightnesses that
keep apart red from green and blue from violet for those who see fewer colours; balls bear letters besides."""
_TURN = 0.618034
"""Golden section: hues of atomic numbers that follow each other lie far apart."""
_UNKNOWN = "#b0b6bd"
_SEMIMETALS = {"Si", "Ge"}
"""Metals to gemmi; to bond rules they are like carbon."""


def colour(symbol: str) -> str:
    """The colour of an element, as #rrggbb."""
    number = gemmi.Element(symbol).atomic_number
    if number == 0:
        return _UNKNOWN
    name = gemmi.Element(number).name
    if name in _COLOURS:
        return _COLOURS[name]
    light = (0.45, 0.6, 0.74)[number % 3]
    red, green, blue = (round(255 * part) for part in colorsys.hls_to_rgb(number * _TURN % 1, light, 0.42))
    return f"#{red:02x}{green:02x}{blue:02x}"


def look(symbol: str) -> tuple[str, float, float, bool, str]:
    """Symbol, covalent and van der Waals radius in Å (gemmi's), whether it is a metal, colour."""
    element = gemmi.Element(symbol)
    covalent, vdw = round(element.covalent_r, 3), round(element.vdw_r, 3)
    return element.name, covalent, vdw, element.is_metal and element.name not in _SEMIMETALS, colour(symbol)
