"""Fibrils as PDB and mmCIF files."""

from pathlib import Path

import gemmi
import numpy as np

from argand.io.atomic import written
from argand.systems.molmnist.fibril.fibril import Fibril
from argand.typing import Points3

_MARGIN = 10.0
"""Å of empty space round a fibril in the box that the files name; by hand, so that no images touch."""


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


def write_structure(folder: Path, fibril: Fibril, cart: Points3 | None = None) -> list[Path]:
    """Write NAME.pdb and NAME.cif, each in one move; atoms at `cart` (Å) in place of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    structure = to_structure(fibril, cart)
    paths = [folder / f"{fibril.name}.pdb", folder / f"{fibril.name}.cif"]
    with written(paths[0]) as temporary:
        structure.write_pdb(str(temporary))
    with written(paths[1]) as temporary:
        structure.make_mmcif_document().write_file(str(temporary))
    return paths
