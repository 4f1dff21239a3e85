"""A structure written as SHELXL instructions, .ins and .res: cards, atoms, riding hydrogen and peaks."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from argand.io.cell_errors import CellErrors, usual_cell_errors
from argand.io.shelx import shelx_symmetry
from argand.physics.crystal.atom import Atoms, Radiation
from argand.physics.crystal.hand import centring_shift, moved_origin
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.absolute_structure import dispersion
from argand.physics.phasing.hydrogen_search import Riding
from argand.typing import Matrix3, Points3

_WIDTH = 76
"""Characters per line. SHELXL reads 80; its TITL keeps 76 (its manual)."""
_KNOWN_WAVES = (1.54178, 0.71073, 0.56083)
"""Cu, Mo and Ag Kα in Å, with dispersion and absorption built into SHELXL (its manual, CELL)."""
_SAME_WAVE = 0.002
"""Å within which a wavelength is one of these: Cu Kα1 and the mean of Cu Kα1 and Kα2 are 0.0013 apart."""
_BARN_PER_F = 5635.88
"""2 r_e in barn per Å: the photoabsorption cross-section of an atom is 2 r_e λ f'' (the optical theorem),
with the classical electron radius r_e = 2.8179403e-5 Å (CODATA 2018) and 1 Å² = 1e8 barn."""
_PEAK_U = 0.05
"""U in Å² written by SHELXL for peaks."""
_ASCII = str.maketrans({"²": "^2", "Å": "A", "°": " deg", "σ": "sigma", "₁": "1", "−": "-", "×": "x"})


@dataclass(frozen=True)
class ShelxModel:
    """A model for SHELXL; `atoms` are without hydrogen, which rides on them.

    `content` counts the atoms of the whole cell, which contains `units` formula units; `scale` is that of F_c
    to F_o (the first free variable), `wavelength` in Å. `errors` of the cell are usual ones if None. `hklf`
    is the HKLF card of the reflections, `remarks` go into REM cards.
    """

    title: str
    cell: tuple[float, float, float, float, float, float]
    wavelength: float
    group: Group
    atoms: Atoms
    labels: Sequence[str]
    content: Mapping[str, float]
    units: float
    scale: float = 1.0
    errors: CellErrors | None = None
    radiation: Radiation = "xray"
    riding: Sequence[Riding] = ()
    riding_labels: Sequence[Sequence[str]] = ()
    hklf: str = "HKLF 4"
    remarks: Sequence[str] = ()


@dataclass(frozen=True)
class Peaks:
    """Maxima of a difference map: fractional positions, heights in e/Å³, site occupancies."""

    frac: Points3
    heights: Float[np.ndarray, " n"]
    occupancy: Float[np.ndarray, " n"]


def shelx_lines(model: ShelxModel, peaks: Peaks | None = None) -> list[str]:
    """Lines of an .ins, or of a .res with the peaks of the last map after its END; at most 80 characters
    each.

    Site occupancies are fixed (10 is added), but special coordinates are left for SHELXL to fix. SHELXL needs
    a centre of inversion at the origin: if it is elsewhere, atoms and operators are shifted.
    """
    shift = centring_shift(model.group)
    group = moved_origin(model.group, shift) if shift.any() else model.group
    elements = _elements(model)
    lines = [*_head(model, group, elements), *_atoms(model, elements, shift), model.hklf, "END"]
    if peaks is not None:
        lines += _peak_lines(peaks, shift)
    return [part for line in lines for part in _fitting(line)]


def _elements(model: ShelxModel) -> list[str]:
    """Carbon, hydrogen, then the others alphabetically, as usual for SHELXL."""
    found = {*model.content, *model.atoms.elements, *(["H"] if model.riding else [])}
    return sorted(found, key=lambda element: ({"C": 0, "H": 1}.get(element, 2), element))


def _head(model: ShelxModel, group: Group, elements: Sequence[str]) -> list[str]:
    """Cards before the atoms. Cycles, peaks and weights are the usual starting values, set by hand."""
    latt, symm = shelx_symmetry(group)
    errors = model.errors or usual_cell_errors(model.cell, model.group)
    cell, counts = model.cell, model.content
    told = [*model.remarks]
    if model.errors is None:
        told.append("errors of the cell are usual ones, not measured")
    if group is not model.group:
        told.append("the origin was moved to the centre of inversion")
    return [
        f"TITL {_ascii(model.title)}"[:_WIDTH].rstrip("= "),
        *(f"REM {part.rstrip('=')}" for text in told for part in textwrap.wrap(_ascii(text), _WIDTH - 4)),
        "CELL " + " ".join([f"{model.wavelength:.5f}", *(f"{value:.4f}" for value in cell)]),
        f"ZERR {model.units:g} " + " ".join(f"{value:.4f}" for value in errors),
        f"LATT {latt}",
        *(f"SYMM {operator}" for operator in symm),
        "SFAC " + " ".join(elements),
        *_dispersion_cards(model, elements),
        "UNIT " + " ".join(f"{counts.get(element, 0):g}" for element in elements),
        "L.S. 4",
        "BOND $H" if model.riding else "BOND",
        "FMAP 2",
        "PLAN 20",
        "WGHT 0.1",
        f"FVAR {model.scale:.5f}",
    ]


def _dispersion_cards(model: ShelxModel, elements: Sequence[str]) -> list[str]:
    """DISP cards: f', f'' and the absorption in barn, for wavelengths not built into SHELXL."""
    known = any(abs(model.wavelength - wave) < _SAME_WAVE for wave in _KNOWN_WAVES)
    if model.radiation != "xray" or known:
        return []
    found = dispersion(tuple(elements), model.wavelength)
    cards = []
    for element in elements:
        value = found[element]
        if value:
            barn = _BARN_PER_F * model.wavelength * value.imag
            cards.append(f"DISP ${element} {value.real:.5f} {value.imag:.5f} {barn:.3f}")
    return cards


def _atoms(model: ShelxModel, elements: Sequence[str], shift: np.ndarray) -> list[str]:
    """Atom cards, each followed by its riding hydrogen."""
    atoms, lines = model.atoms, []
    groups = {one.parent: (one, names) for one, names in zip(model.riding, model.riding_labels, strict=True)}
    for number, (label, element) in enumerate(zip(model.labels, atoms.elements, strict=True)):
        kind = elements.index(element) + 1
        u_iso = f"{atoms.u_iso[number]:8.5f}"
        lines.append(_card(label, kind, atoms.frac[number] - shift, float(atoms.occupancy[number]), u_iso))
        if number in groups:
            riding, names = groups[number]
            shape = riding.kind.value
            # A group completed by symmetry has no idealised geometry; it only rides.
            lines.append(f"AFIX {shape.afix if riding.is_whole else 3}")
            rows = zip(names, riding.frac, riding.occupancy, strict=True)
            hydrogen, ratio = elements.index("H") + 1, f"{-shape.u_ratio:8.2f}"
            lines += [_card(name, hydrogen, place - shift, float(held), ratio) for name, place, held in rows]
            lines.append("AFIX 0")
    return lines


def _card(label: str, kind: int, frac: np.ndarray, occupancy: float, u_iso: str) -> str:
    """Label, number in SFAC, position, 10 + occupancy and U."""
    place = " ".join(f"{value:10.6f}" for value in frac)
    return f"{label:<4} {kind:2d} {place} {10 + occupancy:9.5f} {u_iso}"


def near_atoms(peaks: Peaks, atoms: Atoms, group: Group, cell: Matrix3) -> Peaks:
    """The same peaks, each at the image closest to an atom; `cell` has a, b, c in Å as columns."""
    moved = []
    for place in peaks.frac:
        images = group.rotations @ place + group.translations
        apart = images[:, None] - atoms.frac
        shifts = np.rint(apart)
        which = np.unravel_index(np.linalg.norm((apart - shifts) @ cell.T, axis=-1).argmin(), apart.shape[:2])
        moved.append(images[which[0]] - shifts[which])
    return replace(peaks, frac=np.array(moved).reshape(-1, 3))


def _peak_lines(peaks: Peaks, shift: np.ndarray) -> list[str]:
    """Peaks as written by SHELXL, after END, where it ignores them."""
    rows = zip(peaks.frac, peaks.heights, peaks.occupancy, strict=True)
    return [
        f"{_card(f'Q{number}', 1, place - shift, float(held), f'{_PEAK_U:.2f}')} {height:7.2f}"
        for number, (place, height, held) in enumerate(rows, 1)
    ]


def _ascii(text: str) -> str:
    """Text on one line in the characters read by SHELXL."""
    return " ".join(text.translate(_ASCII).encode("ascii", "replace").decode().split())


def _fitting(line: str) -> list[str]:
    """A card split into short enough lines, each but the last ending in `=`."""
    if len(line) <= _WIDTH + 3:
        return [line]
    parts = textwrap.wrap(line, _WIDTH - 3, break_long_words=False, break_on_hyphens=False)
    return [parts[0] + " =", *(f"  {part} =" for part in parts[1:-1]), f"  {parts[-1]}"]
