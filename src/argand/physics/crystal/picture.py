"""A crystal in a notebook: a few facts in a table, and its atoms seen along the shortest axis."""

from collections.abc import Sequence
from html import escape
from itertools import product

import gemmi
import numpy as np
from jaxtyping import UInt8

from argand.typing import Matrix3, Points3

_SIDE = 150
"""Pixels of the picture's longer side; set by hand, as small as is readable."""
_MOST = 400
"""Most atoms drawn; set by hand, more would be unreadable."""
_ON_FACE = 0.02
"""Distance from a face of the cell, in fractions of an edge, within which an atom is also drawn on the other
face."""


def facts_html(facts: Sequence[tuple[str, str]], picture: str, is_sure: bool = True) -> str:
    """A table of named facts beside a picture, as HTML; values that are not sure are grey."""
    colour = "" if is_sure else ";color:#767676"
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th>"
        f"<td style='text-align:left{colour}'>{escape(value)}</td></tr>"
        for name, value in facts
    )
    return f"<div style='display:flex;gap:1em'><table>{rows}</table>{picture}</div>"


def projection_svg(lattice: Matrix3, species: UInt8[np.ndarray, " n"], frac_coords: Points3) -> str:
    """The cell and its atoms along the shortest axis, as SVG; lattice rows in Å.

    Colours are Jmol's (from ase); radii follow covalent radii, and each ball has its symbol, so that nobody
    needs the colours. At most 400 atoms are drawn.
    """
    from ase.data.colors import jmol_colors

    lengths = np.linalg.norm(lattice, axis=1)
    third = int(lengths.argmin())
    first, second = ((1, 2), (2, 0), (0, 1))[third]
    # One axis to the right, two in the plane of the picture, the third towards the viewer: not a mirror
    # image.
    right = lattice[first] / lengths[first]
    toward = lattice[third] / lengths[third]
    upward = np.cross(toward, right)
    upward /= np.linalg.norm(upward)
    flat = np.stack([right, -upward], 1)
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) @ lattice[[first, second]] @ flat
    balls = []
    for z, place in list(zip(species.tolist(), frac_coords, strict=True))[:_MOST]:
        choices = [(0, 1) if x < _ON_FACE else (0, -1) if x > 1 - _ON_FACE else (0,) for x in place]
        choices[third] = (0,)
        for shift in product(*choices):
            at = (place + np.array(shift)) @ lattice
            balls.append((float(at @ toward), *(at @ flat), 0.3 + 0.3 * gemmi.Element(z).covalent_r, z))
    inside = np.array([[x, y] for _, x, y, _, _ in balls])
    low = np.concatenate([corners, inside]).min(0) - 1
    size = np.concatenate([corners, inside]).max(0) + 1 - low
    outline = " ".join(f"{x:.2f},{y:.2f}" for x, y in corners)
    circles = "".join(_ball(x, y, radius, z, jmol_colors[z]) for _, x, y, radius, z in sorted(balls))
    scale = _SIDE / size.max()
    return (
        f"<svg width='{size[0] * scale:.0f}' height='{size[1] * scale:.0f}' "
        f"viewBox='{low[0]:.2f} {low[1]:.2f} {size[0]:.2f} {size[1]:.2f}'>"
        f"<polygon points='{outline}' fill='none' stroke='#999' stroke-width='0.06'/>{circles}</svg>"
    )


def _ball(x: float, y: float, radius: float, z: int, colour: np.ndarray) -> str:
    """A ball with the symbol of its element, dark on light colours and light on dark ones."""
    symbol = gemmi.Element(z).name
    # Weights of the luminance in sRGB, whose contrast with black and with white is equal near 0.18 linear.
    ink = "#000" if float((colour**2.2) @ (0.2126, 0.7152, 0.0722)) > 0.18 else "#fff"
    return (
        f"<circle cx='{x:.2f}' cy='{y:.2f}' r='{radius:.2f}' fill='{_hex(colour)}' "
        f"stroke='#333' stroke-width='0.05'><title>{symbol}</title></circle>"
        f"<text x='{x:.2f}' y='{y:.2f}' font-size='{radius:.2f}' font-family='sans-serif' fill='{ink}' "
        f"text-anchor='middle' dominant-baseline='central'>{symbol}</text>"
    )


def _hex(colour: np.ndarray) -> str:
    return "#" + "".join(f"{round(255 * float(part)):02x}" for part in colour)
