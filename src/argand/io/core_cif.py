"""Writing a structure as a core-dictionary CIF, as accepted by structure databases."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
from jaxtyping import Bool

from argand import __version__
from argand.io.atomic import valid_text, write_lines
from argand.io.cell_errors import CellErrors, with_uncertainty
from argand.io.labels import atom_labels
from argand.physics.crystal.atom import Atoms
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.patterson_map import triplet

_CELL = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
_SITE = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "U_iso_or_equiv", "adp_type", "occupancy")
_SOURCE = "Int. Tables C 6.1.1.4; dispersion: Cromer & Liberman, Acta Cryst. A37, 267 (1981)"


def write_cif(
    path: Path,
    name: str,
    cell: Sequence[float],
    group: Group,
    atoms: Atoms,
    figures: Mapping[str, Any],
    labels: Sequence[str] | None = None,
) -> None:
    """Write a core CIF to a file; arguments are those of `cif_text`."""
    write_lines(path, cif_text(name, cell, group, atoms, figures, labels).splitlines())


def cif_text(
    name: str,
    cell: Sequence[float],
    group: Group,
    atoms: Atoms,
    figures: Mapping[str, Any],
    labels: Sequence[str] | None = None,
    rides: Bool[np.ndarray, " n"] | None = None,
    dispersion: Mapping[str, complex] | None = None,
    errors: CellErrors | None = None,
) -> str:
    """The text of a core CIF; occupancies in it are chemical, so an atom on a special position has 1.

    `cell` a, b, c in Å and angles in degrees, with their `errors` if known; the atoms are those of the
    asymmetric unit, named by `labels`. `rides` marks calculated ones, `dispersion` is f' + i f'' of the
    elements, `figures` are further tags and their values, None being left out.
    """
    document = gemmi.cif.Document()
    block = document.add_new_block(valid_text("".join(name.split())))
    told = {
        "_audit_creation_method": f"argand {__version__}",
        **_cell_tags(cell, errors),
        **_group_tags(group),
    }
    for tag, value in {**told, **figures}.items():
        if value is not None:
            block.set_pair(tag, gemmi.cif.quote(str(value)))
    operators = block.init_loop("_space_group_symop_", ["id", "operation_xyz"])
    for number, (rotation, translation) in enumerate(
        zip(group.rotations, group.translations, strict=True), 1
    ):
        operators.add_row([str(number), gemmi.cif.quote(triplet(rotation, translation))])
    _add_types(block, atoms, dispersion)
    names = atom_labels(atoms.elements) if labels is None else list(labels)
    _add_sites(block, cell, group, atoms, names, np.zeros(len(atoms), bool) if rides is None else rides)
    return document.as_string()


def _cell_tags(cell: Sequence[float], errors: CellErrors | None) -> dict[str, str]:
    """Edges, angles and volume, with its propagated error."""
    spread = errors or (0.0,) * 6
    tags = {
        f"_cell_{tag}": with_uncertainty(value, error)
        for tag, value, error in zip(_CELL, cell, spread, strict=True)
    }
    volume = gemmi.UnitCell(*cell).volume
    parts = []
    for number, error in enumerate(spread):
        moved = list(cell)
        moved[number] += error
        parts.append(gemmi.UnitCell(*moved).volume - volume)
    return tags | {"_cell_volume": with_uncertainty(volume, float(np.linalg.norm(parts)), 2)}


def _group_tags(group: Group) -> dict[str, str]:
    """Symbols and number of the space group, if it is tabulated."""
    known = gemmi.find_spacegroup_by_name(group.name) if group.name else None
    if known is None:
        return {"_space_group_name_H-M_alt": group.name} if group.name else {}
    return {
        "_space_group_crystal_system": known.crystal_system_str(),
        "_space_group_IT_number": str(known.number),
        "_space_group_name_H-M_alt": group.name,
        "_space_group_name_Hall": known.hall,
    }


def _add_types(block: Any, atoms: Atoms, dispersion: Mapping[str, complex] | None) -> None:
    """The elements, with their anomalous scattering if known."""
    elements = dict.fromkeys(atoms.elements)
    if dispersion is None:
        loop = block.init_loop("_atom_type_", ["symbol"])
        for element in elements:
            loop.add_row([element])
        return
    tags = ["symbol", "scat_dispersion_real", "scat_dispersion_imag", "scat_source"]
    loop = block.init_loop("_atom_type_", tags)
    for element in elements:
        value = dispersion[element]
        loop.add_row([element, f"{value.real:.4f}", f"{value.imag:.4f}", gemmi.cif.quote(_SOURCE)])


def _add_sites(
    block: Any, cell: Sequence[float], group: Group, atoms: Atoms, labels: Sequence[str], rides: np.ndarray
) -> None:
    """The loop of atoms; `calc_flag` and refinement flags mark those placed by geometry."""
    loop = block.init_loop("_atom_site_", [*_SITE, "calc_flag", "refinement_flags_posn"])
    orthogonalisation = np.array(gemmi.UnitCell(*cell).orth.mat.tolist())
    for number, label in enumerate(labels):
        _, _, kept = group.site(atoms.frac[number], orthogonalisation)
        occupancy = min(float(atoms.occupancy[number]) * kept, 1.0)
        place = [f"{value:.5f}" for value in atoms.frac[number]]
        numbers = [*place, f"{atoms.u_iso[number]:.4f}"]
        flags = ["calc", "R"] if rides[number] else ["d", "."]
        loop.add_row([label, atoms.elements[number], *numbers, "Uiso", f"{occupancy:.4f}", *flags])
