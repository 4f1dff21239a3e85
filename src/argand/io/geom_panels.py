"""CrystFEL's .geom files with many panels: reading them, and writing them with all panels moved.

CrystFEL's laboratory is ours rotated by 180° about the beam, as in `geom`. A panel's corner and its
vectors are in its own pixels, its corner the outer corner of the first pixel.
"""

from pathlib import Path

import numpy as np

from argand.errors import InputError
from argand.io.atomic import write_lines
from argand.io.beam_geometry import require_sizes
from argand.io.geom_text import GeomText, read_geom_text, restated, statement, vector
from argand.io.limits import require_at_most
from argand.io.panel_model import Lookup, PanelModel, sensible
from argand.physics.still.modular import PanelSet, PlanePanel, RigidMotion
from argand.physics.still.projection import pixel_grid
from argand.typing import Mask, Vector3
from argand.units import HC_KEV_ANGSTROM

_HALF_TURN = np.array([-1.0, -1.0, 1.0])
"""Converts our axes to CrystFEL's and back, see above."""
_MOST_IN_LAB = 100
"""Largest number of bad regions in laboratory coordinates, which are tested for each pixel. By hand: files
have a few."""
_LONGEST_INDEX = 9
"""Most digits of a panel's index in an array, set by hand."""
_PLACE = ("corner_x", "corner_y", "coffset", "fs", "ss")
"""Names of the statements on a panel's position."""


def read_geom(path: str | Path, lookup: Lookup = lambda place: None) -> PanelModel:
    """Panels, wavelength and bad regions of a .geom file.

    `lookup` gives the value in the image file at a path of the .geom, for camera length and photon energy.
    Panels with `no_index` are left out. Raises InputError for a file that cannot be interpreted.
    """
    text = read_geom_text(path)
    shift = _detector_shift(text, lookup)
    kept = {name: of for name, of in text.panels.items() if of.get("no_index", "0") in ("0", "false")}
    if not kept:
        raise InputError(f"{path}: all panels are excluded (no_index)")
    panels = PanelSet(tuple(_panel(text, name, of, shift, lookup) for name, of in kept.items()))
    sensible(path, panels)
    masks = any(
        name.startswith("mask") and name.endswith(("_data", "_file", "mask")) for name in text.general
    )
    notes = ("the masks named in the .geom are not read; give them with --mask",) if masks else ()
    good = {p.name: mask for p in panels.panels if (mask := _good(text, p)) is not None}
    wavelength = text.wavelength(lookup)
    require_sizes(path, wavelength)
    return PanelModel(panels, wavelength, good, notes)


def move_geom(
    path: str | Path, source: str | Path, motion: RigidMotion, lookup: Lookup = lambda place: None
) -> None:
    """Write a copy of `source` with every panel moved; all other lines, including comments, are kept.

    The camera length is kept: the motion along the beam goes into the coffset of the panels.
    """
    text = read_geom_text(source)
    shift = _detector_shift(text, lookup)
    places = {name: _place(text, name, of, shift, lookup, motion) for name, of in text.panels.items()}
    lines, stated = [], set()
    for line in text.lines:
        panel, _, name = statement(line)[0].rpartition("/")
        if panel in places and name in _PLACE:
            lines.append(restated(line, places[panel][name]))
            stated.add((panel, name))
        else:
            lines.append(line)
    # Values that a panel inherited or did not state follow at the end.
    rest = [(panel, name) for panel in places for name in _PLACE if (panel, name) not in stated]
    write_lines(path, lines + [f"{panel}/{name} = {places[panel][name]}" for panel, name in rest])


def write_geom_panels(path: str | Path, panels: PanelSet, wavelength: float) -> None:
    """Write a .geom file of these panels for their raw arrays, stacked along a first axis of frames."""
    pixel = panels.pixel_size_mm
    lines = ["; Written by argand: +z along the beam, +y up, +x to the left when looking along the beam"]
    lines += [f"photon_energy = {HC_KEV_ANGSTROM * 1000 / wavelength:.12g} eV"]
    lines += [f"clen = {panels.distance_mm / 1000:.12g} m", f"res = {1000 / pixel:.12g}"]
    lines += ["adu_per_photon = 1", "dim0 = %"]
    axes = panels.raw_axes()
    lines += [f"dim{axes - 1} = ss", f"dim{axes} = fs"]
    for panel in panels.panels:
        name = panel.name if not panel.name.startswith(("bad", "group", "rigid_group")) else f"p_{panel.name}"
        name = name.replace("/", "_").replace(" ", "_").strip("_") or "panel"
        lines += ["", *(f"{name}/dim{n + 1} = {index}" for n, index in enumerate(panel.leading))]
        for axis, first, size in zip(("ss", "fs"), panel.first, panel.shape, strict=True):
            lines += [f"{name}/min_{axis} = {first}", f"{name}/max_{axis} = {first + size - 1}"]
        place = _text_place(panel.frame * _HALF_TURN, pixel, panels.distance_mm)
        lines += [f"{name}/{key} = {value}" for key, value in place.items()]
    write_lines(path, lines)


def _detector_shift(text: GeomText, lookup: Lookup) -> Vector3:
    """Shift of the whole detector, mm in CrystFEL's axes."""
    names = ("detector_shift_x", "detector_shift_y")
    return np.array([text.length_mm(text.general.get(name, "0 m"), lookup) for name in names] + [0.0])


def _clen_mm(text: GeomText, name: str, of: dict[str, str], lookup: Lookup) -> float:
    if "clen" not in of and "clen" not in text.general:
        raise InputError(f"{text.path}: no clen for panel {name}")
    return text.length_mm(of.get("clen") or text.general["clen"], lookup)


def _frame(text: GeomText, name: str, of: dict[str, str], shift: Vector3, lookup: Lookup) -> np.ndarray:
    """Rows origin, fast and slow vector of a panel, mm in CrystFEL's axes."""
    pixel = text.pixel_mm(of)
    corner = [text.number(of, key) * pixel for key in ("corner_x", "corner_y")]
    along = _clen_mm(text, name, of, lookup) + text.length_mm(of.get("coffset", "0 m"), lookup)
    axes = [vector(of.get(key, default), text.path) for key, default in (("fs", "+1.0x"), ("ss", "+1.0y"))]
    return np.array([np.array([*corner, along]) + shift, axes[0] * pixel, axes[1] * pixel])


def _panel(text: GeomText, name: str, of: dict[str, str], shift: Vector3, lookup: Lookup) -> PlanePanel:
    limits = {key: int(text.number(of, key)) for key in ("min_fs", "max_fs", "min_ss", "max_ss")}
    shape = (limits["max_ss"] - limits["min_ss"] + 1, limits["max_fs"] - limits["min_fs"] + 1)
    if min(shape) < 1 or min(limits.values()) < 0:
        raise InputError(f"{text.path}: the limits of panel {name} contain no pixels")
    frame, leading = _frame(text, name, of, shift, lookup) * _HALF_TURN, _leading(text, name, of)
    return PlanePanel.at(name, frame, shape, (limits["min_ss"], limits["min_fs"]), leading)


def _leading(text: GeomText, name: str, of: dict[str, str]) -> tuple[int, ...]:
    """Indices of a panel in the axes of a frame before slow and fast, from its `dim` lines."""
    axes = sorted((int(key[3:]), of[key]) for key in of if key.startswith("dim") and key[3:].isdigit())
    order = [what for _, what in axes if what != "%"] or ["ss", "fs"]
    if order[-2:] != ["ss", "fs"] or not all(what.isdigit() for what in order[:-2]):
        raise InputError(
            f"{text.path}: the axes of panel {name} are {', '.join(order)}; "
            "only ss and fs as the last ones are understood"
        )
    if any(len(what) > _LONGEST_INDEX for what in order):
        raise InputError(f"{text.path}: an index of panel {name} is not the number of a panel")
    return tuple(int(what) for what in order[:-2])


def _place(
    text: GeomText,
    name: str,
    of: dict[str, str],
    shift: Vector3,
    lookup: Lookup,
    motion: RigidMotion,
) -> dict[str, str]:
    """The statements of a panel after the motion."""
    origin, *axes = _frame(text, name, of, shift, lookup) * _HALF_TURN
    moved = np.array([motion.position(origin), *(motion.direction(axis) for axis in axes)]) * _HALF_TURN
    moved[0] -= shift
    return _text_place(moved, text.pixel_mm(of), _clen_mm(text, name, of, lookup))


def _text_place(frame: np.ndarray, pixel_mm: float, clen_mm: float) -> dict[str, str]:
    corner = frame[0] / pixel_mm
    along = (frame[0, 2] - clen_mm) / 1000
    axes = [
        " ".join(f"{v:+.12f}{axis}" for v, axis in zip(row, "xyz", strict=True))
        for row in frame[1:] / pixel_mm
    ]
    values = (f"{corner[0]:.12g}", f"{corner[1]:.12g}", f"{along:.12g}", *axes)
    return dict(zip(_PLACE, values, strict=True))


def _regions(text: GeomText, panel: str) -> list[dict[str, str]]:
    """Bad regions of a panel, and those in the laboratory; InputError for too many of the latter."""
    in_lab = [region for region in text.bad.values() if "min_fs" not in region and "min_x" in region]
    require_at_most(text.path, "bad regions in x and y", len(in_lab), _MOST_IN_LAB)
    return [*(r for r in text.bad.values() if "min_fs" in r and r.get("panel", panel) == panel), *in_lab]


def _good(text: GeomText, panel: PlanePanel) -> Mask | None:
    """Pixels of a panel outside all bad regions and its edge; None if all are good."""
    good = np.ones(panel.shape, bool)
    edge = int(text.number(text.panels[panel.name], "mask_edge_pixels", 0))
    if edge > 0:
        good[:edge], good[-edge:], good[:, :edge], good[:, -edge:] = False, False, False, False
    for region in _regions(text, panel.name):
        if "min_fs" in region:
            ss, fs = (
                [int(text.number(region, f"{end}_{axis}")) for end in ("min", "max")] for axis in ("ss", "fs")
            )
            rows = slice(max(ss[0] - panel.first[0], 0), max(ss[1] + 1 - panel.first[0], 0))
            good[rows, max(fs[0] - panel.first[1], 0) : max(fs[1] + 1 - panel.first[1], 0)] = False
        else:
            x, y = np.moveaxis(panel.lab_from_px(pixel_grid(panel.shape)) * _HALF_TURN, -1, 0)[:2]
            pixel = text.pixel_mm(text.panels[panel.name])
            within = [
                (at / pixel >= text.number(region, f"min_{axis}"))
                & (at / pixel <= text.number(region, f"max_{axis}"))
                for at, axis in ((x, "x"), (y, "y"))
            ]
            good &= ~(within[0] & within[1])
    return None if good.all() else good
