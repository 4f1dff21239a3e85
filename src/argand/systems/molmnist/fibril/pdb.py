"""Fibrils as PDB and mmCIF files."""

from pathlib import Path

import gemmi
import numpy as np

from argand.errors import ConfigError
from argand.io.atomic import make_folder, write_text
from argand.physics.fibre.twist import DEG_PER_NM, twisted
from argand.systems.molmnist.fibril.fibril import Fibril
from argand.typing import Points3

_MARGIN = 10.0
"""Å of empty space round a fibril in the box that the files name; by hand, so that no images touch."""
PDB_ATOMS = 99_999
"""Atoms that a PDB file numbers in decimals (wwPDB format 3.3, columns 7 to 11); gemmi numbers further ones
in hybrid-36, A0000 and so on."""
_LOWEST, _HIGHEST = -999.999, 9999.999
"""Å, what the eight columns of a coordinate in a PDB file have room for."""


def to_structure(fibril: Fibril, cart: Points3 | None = None) -> gemmi.Structure:
    """The fibril for gemmi, at its own places or at `cart` (Å); residues under GLYCAM's names, B = 8π² U."""
    cart = fibril.cart if cart is None else cart
    structure = gemmi.Structure()
    structure.name = f"cellulose Ibeta {fibril.name}"
    a, b, c = (np.ptp(cart, axis=0) + 2 * _MARGIN).tolist()
    structure.cell = gemmi.UnitCell(a, b, c, 90, 90, 90)
    structure.spacegroup_hm = "P 1"
    model = gemmi.Model(1)
    # add_chain and add_residue copy what they are given, so each is filled first.
    for number in range(fibril.chains):
        chain = gemmi.Chain(chain_name(number))
        atoms = np.flatnonzero(fibril.chain == number).tolist()
        starts = [i for i in atoms if i == atoms[0] or _residue_key(fibril, i) != _residue_key(fibril, i - 1)]
        for place, (start, stop) in enumerate(
            zip(starts, [*starts[1:], atoms[-1] + 1], strict=True), start=1
        ):
            chain.add_residue(_residue(fibril, cart, place, range(start, stop)))
        model.add_chain(chain)
    structure.add_model(model)
    structure.setup_entities()
    structure.assign_serial_numbers()
    return structure


def _residue_key(fibril: Fibril, atom: int) -> tuple[int, str]:
    return int(fibril.glucose[atom]), fibril.residue[atom]


def _residue(fibril: Fibril, cart: Points3, place: int, atoms: range) -> gemmi.Residue:
    residue = gemmi.Residue()
    residue.name, residue.seqid, residue.het_flag = fibril.residue[atoms.start], gemmi.SeqId(str(place)), "H"
    for index in atoms:
        atom = gemmi.Atom()
        atom.name, atom.element = fibril.atom_names[index], gemmi.Element(fibril.elements[index])
        atom.pos = gemmi.Position(*cart[index])
        atom.b_iso = 8 * np.pi**2 * float(fibril.u_iso[index])
        residue.add_atom(atom)
    return residue


def chain_name(number: int) -> str:
    """A, B, ... Z, then AA, AB, ... for more chains than there are letters (81 in 9x9)."""
    first, last = divmod(number, 26)
    return (chr(64 + first) if first else "") + chr(65 + last)


def write_structure(
    folder: Path, fibril: Fibril, cart: Points3 | None = None, stem: str | None = None
) -> list[Path]:
    """Write STEM.pdb and STEM.cif, by default NAME, each in one move; atoms at `cart` (Å) or its own places.

    ConfigError for a fibril that is too long for a PDB file.
    """
    cart = fibril.cart if cart is None else cart
    if cart.min() < _LOWEST or cart.max() > _HIGHEST:
        raise ConfigError(
            f"{fibril.name} is too long for a PDB file, which has room for 1990 Å; give a shorter length"
        )
    make_folder(folder)
    structure = to_structure(fibril, cart)
    paths = [folder / f"{stem or fibril.name}{ending}" for ending in (".pdb", ".cif")]
    # As text: gemmi keeps silent where a disk is full.
    write_text(paths[0], structure.make_pdb_string())
    write_text(paths[1], structure.make_mmcif_document().as_string())
    return paths


def write_twisted(folder: Path, fibril: Fibril, deg_per_nm: float) -> tuple[list[Path], float]:
    """Write the fibril twisted about its axis; the paths, and by which share its longest bond is stretched.

    `deg_per_nm` is positive for a right-handed twist. Every atom is turned by its height alone, so that
    bonds that lie aslant at a distance r from the axis grow or shrink by r x twist / 2 at most.
    """
    cart = twisted(fibril.cart, deg_per_nm / DEG_PER_NM)
    first, second = fibril.bonds.T
    now, then = (np.linalg.norm(at[first] - at[second], axis=1) for at in (cart, fibril.cart))
    stem = f"{fibril.name}_{deg_per_nm:+g}deg-per-nm" if deg_per_nm else fibril.name
    return write_structure(folder, fibril, cart, stem), float((now / then).max() - 1)
