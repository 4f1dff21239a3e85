"""The views of a solved crystal on its page: structure in its density, sections through its maps, peaks."""

from typing import Any

import gemmi
import numpy as np

from argand.page.markup import text
from argand.page.parts import Column, Row, card, fold, shown, table
from argand.page.sections_view import sections_view
from argand.page.structure_view import Panel, structure_view
from argand.systems.patterson.solution.drawn_crystal import (
    density_sections,
    drawn_structure,
    patterson_sections,
)

Summary = dict[str, Any]
MOST_PEAKS = 30
"""Peaks in the table of the Patterson map. By hand; the JSON file has more."""
MOST_NAMED = 4
"""Harker sections that are named of one peak. By hand, for the width of a row."""
KEYS = (
    "Keys: a, b, c choose the axis, Page Up and Page Down the section, arrows the place whose value is told."
)
_STAYS = "position:sticky;top:8px;align-self:start"
"""Beside a long table a view stays in sight."""


def structure_card(summary: Summary, model: gemmi.SmallStructure, density: np.ndarray, number: int) -> str:
    """The structure to turn, in its density; sections of the density with a table of atoms."""
    unit, trusted = _unit(summary), summary["trusted"]
    about = f"{summary['name']}, {len(model.sites)} atoms of the asymmetric unit in {summary['spacegroup']}"
    grid = _grid_words(density, model)
    turned = structure_view(
        [Panel("", [drawn_structure(model, density, unit, trusted)])],
        f"Crystal structure of {about}",
        f"Density of the measured amplitudes with the phases of the model, {unit} about its mean; {grid}.",
        height=520,
        name=summary["name"],
    )
    group = f"atoms-{number}"
    sections = sections_view(
        density_sections(model, density, unit, group),
        f"Sections through the density of {about}",
        f"Density in {unit}; contours that are negative, and their shading, are orange. {KEYS}",
        name=f"{summary['name']}-density",
    )
    places = _atoms(model, group, trusted)
    both = f'<div class="pair"><div style="{_STAYS}">{sections}</div>{places}</div>'
    title = "Structure" if trusted else "Structure (best guess, not trusted)"
    return card(title, turned, fold("Coordinates, and sections through the density", both))


def _unit(summary: Summary) -> str:
    """Electrons per Å³; scattering of electrons comes from the potential, in units of its own."""
    return "arbitrary units" if summary.get("radiation") == "electron" else "e/Å³"


def _grid_words(values: np.ndarray, model: gemmi.SmallStructure) -> str:
    lengths = model.cell.parameters[:3]
    steps = ", ".join(f"{length / size:.2f}" for length, size in zip(lengths, values.shape, strict=True))
    return f"grid of {' × '.join(map(str, values.shape))} points, steps of {steps} Å"


def _atoms(model: gemmi.SmallStructure, group: str, trusted: bool) -> str:
    rows = []
    for number, site in enumerate(model.sites, 1):
        figures = [f"{value:.4f}" for value in site.fract.tolist()] + [f"{site.u_iso:.3f}"]
        cells = [_choice(text(site.label)), *(shown(one, trusted) for one in figures)]
        rows.append(Row(cells, group, number))
    return table(["atom", *(Column(name, number=True) for name in ("x", "y", "z", "U, Å²"))], rows)


def _choice(label: str) -> str:
    """A label (HTML) that the keyboard reaches: what a click on it does, its row does."""
    return f'<button type="button" style="min-height:0;padding:0 9px">{label}</button>'


def patterson_card(
    summary: Summary,
    model: gemmi.SmallStructure,
    values: np.ndarray,
    peaks: list[dict[str, Any]],
    number: int,
) -> str:
    """Sections through the Patterson map beside its highest peaks."""
    group = f"peaks-{number}"
    sections = sections_view(
        patterson_sections(model, values, peaks[:MOST_PEAKS], group),
        f"Sections through the Patterson map of {summary['name']}",
        "Heights in thousandths of the largest possible one; negative contours and their shading are orange."
        " Circles are the peaks of the table, by symmetry too; dashed lines are Harker lines. The other half"
        " of"
        f" the sections repeats these by inversion. The map has a {_grid_words(values, model)}. {KEYS}",
        name=f"{summary['name']}-patterson",
    )
    told = (
        "<p>Sharpened (E² - 1), without its origin. Peaks are vectors u v w between atoms. One on a Harker"
        " section,"
        " named by its operator, may be the vector between an atom and its image. A row shows its peak in the"
        " section that contains it.</p>"
    )
    both = f'<div class="pair"><div style="{_STAYS}">{sections}</div>{_peaks(peaks, group)}</div>'
    return card("Patterson map", told, both)


def _peaks(peaks: list[dict[str, Any]], group: str) -> str:
    rows = []
    for number, peak in enumerate(peaks[:MOST_PEAKS], 1):
        # Adding 0 turns -0.000 into 0.000.
        place = " ".join(f"{round(value, 3) + 0.0:.3f}" for value in peak["frac"])
        named, more = peak["harker"][:MOST_NAMED], len(peak["harker"]) - MOST_NAMED
        told = "; ".join(named) + (f" and {more} more" if more > 0 else "")
        figures = [place, f"{peak['length']:.2f}", f"{1000 * peak['height']:.0f}"]
        rows.append(Row([_choice(str(number)), *figures, text(told)], group, number))
    figures = [Column(name, number=True) for name in ("u v w", "length, Å", "height")]
    return table(["peak", *figures, "Harker section"], rows)
