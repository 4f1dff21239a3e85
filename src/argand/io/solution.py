"""Writers of a solved structure: CIF, XYZ, SHELX .res, CCP4 maps; each through a temporary file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gemmi
import numpy as np

from argand import __version__
from argand.io.atomic import write_lines, written
from argand.io.shelx import labels_of, res_lines
from argand.physics.crystal.atom import Atoms
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.fourier import Map
from argand.physics.phasing.patterson_map import triplet
from argand.typing import Points3


def write_ccp4(path: Path, density: Map, cell: Sequence[float], group: Group) -> None:
    """A map of the whole cell, x slowest, read by Coot, PyMOL, VESTA and gemmi.

    `density` is [x, y, z], `cell` a, b, c in Å and angles in degrees; a group without a name is written as P
    1.
    """
    target = gemmi.Ccp4Map()
    target.grid = gemmi.FloatGrid(np.ascontiguousarray(density, np.float32))
    target.grid.set_unit_cell(gemmi.UnitCell(*cell))
    target.grid.spacegroup = gemmi.find_spacegroup_by_name(group.name) or gemmi.SpaceGroup("P 1")
    target.update_ccp4_header()
    with written(path) as temporary:
        target.write_ccp4_map(str(temporary))


def write_cif(
    path: Path, name: str, cell: Sequence[float], group: Group, atoms: Atoms, figures: Mapping[str, Any]
) -> None:
    """A core CIF; occupancies in it are chemical, so an atom on a special position has 1.

    `figures` are further tags and their values.

    `cell` a, b, c in Å and angles in degrees; the atoms are those of the asymmetric unit.
    """
    document = gemmi.cif.Document()
    block = document.add_new_block(name)
    block.set_pair("_audit_creation_method", gemmi.cif.quote(f"argand {__version__}"))
    tags = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    for tag, value in zip(tags, cell, strict=True):
        block.set_pair(f"_cell_{tag}", f"{value:.4f}")
    block.set_pair("_space_group_name_H-M_alt", gemmi.cif.quote(group.name))
    for tag, value in figures.items():
        block.set_pair(tag, gemmi.cif.quote(str(value)))
    operators = block.init_loop("_space_group_symop_", ["operation_xyz"])
    for rotation, translation in zip(group.rotations, group.translations, strict=True):
        operators.add_row([gemmi.cif.quote(triplet(rotation, translation))])
    columns = ["label", "type_symbol", "fract_x", "fract_y", "fract_z", "U_iso_or_equiv"]
    loop = block.init_loop("_atom_site_", [*columns, "adp_type", "occupancy"])
    orthogonalisation = np.array(gemmi.UnitCell(*cell).orth.mat.tolist())
    for number, label in enumerate(labels_of(atoms.elements)):
        _, _, kept = group.site(atoms.frac[number], orthogonalisation)
        occupancy = min(float(atoms.occupancy[number]) * kept, 1.0)
        place = [f"{value:.5f}" for value in atoms.frac[number]]
        numbers = [*place, f"{atoms.u_iso[number]:.4f}"]
        loop.add_row([label, atoms.elements[number], *numbers, "Uiso", f"{occupancy:.4f}"])
    write_lines(path, document.as_string().splitlines())


def write_xyz(path: Path, comment: str, elements: Sequence[str], places: Points3) -> None:
    """Atoms at Cartesian places in Å, or in another length that the comment names."""
    lines = [str(len(elements)), comment]
    for element, (x, y, z) in zip(elements, places, strict=True):
        lines.append(f"{element:<2} {x:12.5f} {y:12.5f} {z:12.5f}")
    write_lines(path, lines)


def write_res(
    path: Path,
    title: str,
    cell: Sequence[float],
    wavelength: float,
    group: Group,
    atoms: Atoms,
    scale: float,
    content: Mapping[str, float] | None,
) -> None:
    """A SHELX .res file, ready to be refined; without a known content UNIT counts the atoms found.

    `wavelength` in Å, `scale` is that of F_c to F_o (the first free variable). Form: SHELXL's manual.
    """
    counts: dict[str, float] = dict(content or {})
    for element in dict.fromkeys(atoms.elements):
        held = sum(o for e, o in zip(atoms.elements, atoms.occupancy, strict=True) if e == element)
        counts.setdefault(element, round(held * group.order, 2))
    labels = labels_of(atoms.elements)
    write_lines(path, res_lines(title, cell, wavelength, group, atoms, labels, scale, counts))
