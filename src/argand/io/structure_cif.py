"""Crystal structures of CIFs: core, magnetic and with the tags of CIF 2, read through gemmi."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gemmi
import numpy as np

from argand.errors import ConfigError, InputError
from argand.io.cif_document import parsed_cif
from argand.io.structure_contents import Contents, compared
from argand.io.structure_sites import Site, read_sites
from argand.io.structure_symmetry import Items, Operators, candidates
from argand.physics.crystal.atom import parse_formula
from argand.physics.crystal.comparison import compare
from argand.physics.crystal.structure import MAX_LENGTH, Structure, checked, distances, wrapped
from argand.typing import Matrix3, Points3, Vector3

_READ = re.compile(
    r"_(cell|space_group|symmetry|atom_site|atom_type|chemical_formula)_(?!aniso)", re.IGNORECASE
)
"""Tags that say something of the structure; others can be long, such as reflections."""
_PLACE = "_atom_site_fract_x"
_MOST_ROWS = 100_000
"""Of a loop of sites, operators or elements. By hand: beyond what any cell that is supported has."""
_BLOCK = re.compile(r"(?im)^data_(\S*)")
_CELL = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
_SAME = 0.2
"""Images of one site nearer than this in Å are one atom: coordinates are printed with few digits.

By hand: below any distance of two atoms, above what two digits lose in a cell of 20 Å.
"""
_TOUCHING = 0.7
"""Shortest distance over the sum of covalent radii below which atoms collide.

By hand: the shortest of 36 measured structures, molecules with hydrogen among them, is 0.76; wrong origins
and settings bring atoms within a half or two thirds.
"""

Read = tuple[Structure, tuple[str, ...]]
"""A structure, and what is to be said of how it was read."""


def blocks_of_cif(text: str) -> list[tuple[str, "gemmi.cif.Block | InputError"]]:
    """Names of the blocks that have atoms, with these; InputError where there are none.

    Where gemmi cannot read the whole file, each block is read by itself, and one that is damaged has the
    reason in its place.
    """
    try:
        documents: list[tuple[str, Any]] = [("", parsed_cif(text, "the CIF"))]
    except (ValueError, RuntimeError) as error:
        parts = _BLOCK.split(text)[1:]
        if len(parts) <= 2:
            raise _unread(error) from error
        documents = [
            (name, _document(f"data_{name}\n{rest}"))
            for name, rest in zip(parts[::2], parts[1::2], strict=True)
        ]
    found: list[tuple[str, gemmi.cif.Block | InputError]] = []
    for name, document in documents:
        if isinstance(document, InputError):
            found.append((name, document))
        else:
            found += [(block.name, block) for block in document if _has_atoms(block)]
    if not found:
        raise InputError(f"there are no atoms in the cell (no {_PLACE})")
    return found


def _document(text: str) -> gemmi.cif.Document | InputError:
    """A block by itself, or why it cannot be read."""
    try:
        return gemmi.cif.read_string(text)
    except (ValueError, RuntimeError) as error:
        return _unread(error)


def _unread(error: Exception) -> InputError:
    return InputError(f"not a CIF that can be read ({' '.join(str(error).split())})")


def _has_atoms(block: gemmi.cif.Block) -> bool:
    """Whether a block has places of atoms."""
    return any(_plain(tag) == _PLACE for item in block for tag in _tags(item))


def _tags(item: Any) -> list[str]:
    if item.pair is not None:
        return [item.pair[0]]
    return [] if item.loop is None else item.loop.tags


def _plain(tag: str) -> str:
    """A tag in small letters, as core CIFs write it: `_cell.length_a` is `_cell_length_a`."""
    return tag.lower().replace(".", "_")


def _items(block: Any) -> Items:
    """Values by tag as `_plain` gives it; InputError for a loop that is too long for one structure."""
    found: dict[str, list[str]] = {}
    for item in block:
        if item.pair is not None:
            columns = [(item.pair[0], [item.pair[1]])]
        elif item.loop is not None:
            tags = item.loop.tags
            wanted = [place for place, tag in enumerate(tags) if _READ.match(_plain(tag))]
            if wanted and item.loop.length() > _MOST_ROWS:
                raise InputError(f"a loop of {item.loop.length()} rows is of no structure that is supported")
            values = item.loop.values if wanted else []
            columns = [(tags[place], values[place :: len(tags)]) for place in wanted]
        else:
            continue
        for tag, values in columns:
            plain = _plain(tag)
            if _READ.match(plain):
                found.setdefault(plain, [gemmi.cif.as_string(value) for value in values])
    return found


@dataclass(frozen=True)
class _Reading:
    """What some operators make of the sites: a structure or why there is none, beside formula and Z."""

    operators: Operators
    found: Structure | InputError
    contents: Contents


def structure_of_block(block: "gemmi.cif.Block | InputError", max_atoms: int) -> Read:
    """The structure of a block; InputError, with the reason, for what is none.

    Where the file leaves open which symmetry its sites have, formula and Z decide, and then distances.
    """
    if isinstance(block, InputError):
        raise block
    items = _items(block)
    cell = _cell(items)
    formula = _formula(items)
    sites, told = read_sites(items, formula)
    units = gemmi.cif.as_number(next(iter(items.get("_cell_formula_units_z", ())), "?"))
    possible = candidates(items, cell)
    readings = []
    for operators in possible:
        found = _expanded(cell, sites, operators, max_atoms)
        known = Contents(None)
        if isinstance(found, Structure):
            known = compared(found, formula, None if np.isnan(units) else units, operators.is_stated)
        readings.append(_Reading(operators, found, known))
    chosen = readings[0] if len(readings) == 1 else _chosen(readings)
    if isinstance(chosen.found, InputError):
        raise chosen.found
    _check_contents(chosen)
    notes = (*told, chosen.operators.told, chosen.contents.text)
    return chosen.found, tuple(note for note in notes if note)


def _cell(items: Items) -> gemmi.UnitCell:
    """The cell; angles that are not given are right ones, as the core dictionary has it."""
    values = []
    for name in _CELL:
        given = next(iter(items.get(f"_cell_{name}", ())), "")
        is_open = name.startswith("angle") and given in ("?", ".", "")
        values.append(90.0 if is_open else gemmi.cif.as_number(given))
    lengths, angles = np.array(values[:3]), np.array(values[3:])
    if not (lengths > 0).all() or not (angles > 0).all() or not (angles < 180).all():
        raise InputError("the lattice has no volume; the cell's lengths and angles are missing or zero")
    if (lengths > MAX_LENGTH).any():
        raise InputError(f"a cell of {lengths.max():.3g} Å is beyond {MAX_LENGTH:g} Å; is it in Å?")
    cell = gemmi.UnitCell(*values)
    if not cell.volume > 0:
        raise InputError("the lattice has no volume; no cell has such angles")
    return cell


def _formula(items: Items) -> Mapping[str, float] | None:
    """Counts of the formula; None where there is none that is understood."""
    try:
        return parse_formula(next(iter(items.get("_chemical_formula_sum", ())), "?"))
    except ConfigError:
        return None


def _expanded(
    cell: gemmi.UnitCell, sites: list[Site], operators: Operators, max_atoms: int
) -> Structure | InputError:
    """All atoms of the cell, or why there are none."""
    lattice = np.array(cell.orth.mat.tolist()).T
    # 192 operators are the most that a space group has (F m -3 m), so that no cell that is allowed is
    # refused.
    if len(operators) * len(sites) > 192 * max_atoms:
        return InputError(f"{len(sites)} sites are beyond the largest supported cell of {max_atoms} atoms")
    try:
        places = [_images(site, operators, lattice) for site in sites]
        species = np.repeat([site.atomic_number for site in sites], [len(images) for images in places])
        return checked(lattice, species, np.concatenate(places), max_atoms)
    except InputError as error:
        return error


def _images(site: Site, operators: Operators, lattice: Matrix3) -> Points3:
    """All places of a site, each once, in the order of the operators.

    A site that operators leave where it is, but for what digits lose, is put onto its special position.
    """
    images = _moved(site.place, operators)
    stays = _apart(images - images[_identity(operators)], lattice) < _SAME
    shifts = images[stays] - site.place
    images = _moved(site.place + (shifts - np.round(shifts)).mean(0), operators)
    kept: list[Vector3] = []
    for image in images:
        if not kept or not (_apart(np.array(kept) - image, lattice) < _SAME).any():
            kept.append(image)
    if len(operators) % len(kept):
        raise InputError(f"site {site.label} is so near a special position that its images run together")
    return wrapped(np.array(kept))


def _identity(operators: Operators) -> int:
    """Which operator leaves everything where it is."""
    whole = (operators.translations == np.round(operators.translations)).all(1)
    return int(np.argmax((operators.rotations == np.eye(3)).all((1, 2)) & whole))


def _moved(place: Vector3, operators: Operators) -> Points3:
    return operators.rotations @ place + operators.translations


def _apart(shifts: Points3, lattice: Matrix3) -> np.ndarray:
    """Å between places, by their differences in fractions."""
    return np.linalg.norm((shifts - np.round(shifts)) @ lattice, axis=1)


def _chosen(readings: list[_Reading]) -> _Reading:
    """The one reading that formula and Z, or else distances, allow; InputError where they allow several."""
    possible = [one for one in readings if isinstance(one.found, Structure)]
    agreeing = [one for one in possible if one.contents.agrees]
    left = list(_distinct(agreeing or possible))
    if len(left) > 1:
        left = [one for one in left if _shortest(one.found) > _TOUCHING] or left
    if len(left) == 1 or (left and left[0].operators.is_usual):
        return left[0]
    if not possible:
        return readings[0]
    names = " or ".join(one.operators.name for one in readings)
    raise InputError(
        f"leaves open which symmetry its sites have ({names}), and its atoms fit them all or none"
    )


def _distinct(readings: list[_Reading]) -> Iterator[_Reading]:
    """Readings that are not the same structure as one before."""
    seen: list[Structure] = []
    for one in readings:
        if isinstance(one.found, Structure) and not any(compare(one.found, other).is_exact for other in seen):
            seen.append(one.found)
            yield one


def _shortest(structure: Structure | InputError) -> float:
    """The shortest distance of two atoms over the sum of their covalent radii (gemmi's)."""
    if isinstance(structure, InputError) or len(structure) < 2:
        return np.inf
    radii = np.array([gemmi.Element(int(z)).covalent_r for z in structure.species])
    apart = distances(structure.lattice, structure.frac_coords) / (radii[:, None] + radii)
    return float(apart[np.triu_indices(len(radii), 1)].min())


def _check_contents(reading: _Reading) -> None:
    """Refuse counts of atoms that a lack of symmetry, or a wrong setting, explains."""
    told, operators = reading.contents, reading.operators
    if told.is_short and len(operators) == 1:
        raise InputError(f"{told.text}; the symmetry of its sites is missing")
    if told.is_other and not operators.is_listed:
        raise InputError(f"{told.text}; its sites are not of {operators.name} in this setting")
