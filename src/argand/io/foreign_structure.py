"""Crystal structures of ase and pymatgen, told by what they are made of: neither is imported to read one."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from argand.errors import InputError
from argand.io.structure_sites import FULL
from argand.physics.crystal.structure import MAX_ATOMS, Structure, checked, require_lattice

_ISOTOPES = ("D", "T")
"""Of hydrogen, by symbols of their own."""


def foreign_structure(source: Any, max_atoms: int = MAX_ATOMS) -> Structure | None:
    """The structure of an `ase.Atoms` or of a structure of pymatgen; None for anything else.

    InputError, with the reason, for what is no crystal, or one that is disordered. Oxidation states, magnetic
    moments and other properties of sites are left out.
    """
    if hasattr(source, "get_atomic_numbers") and hasattr(source, "pbc"):
        return _from_ase(source, max_atoms)
    if hasattr(source, "sites") and hasattr(source, "lattice"):
        return _from_pymatgen(source, max_atoms)
    if type(source).__module__.startswith("pymatgen.") and hasattr(source, "sites"):
        raise InputError(f"a {type(source).__name__} of pymatgen has no lattice, and is no crystal")
    return None


def _from_ase(atoms: Any, max_atoms: int) -> Structure:
    """The crystal of an `ase.Atoms` that repeats along all three axes."""
    open_axes = [name for name, repeats in zip("abc", atoms.pbc, strict=True) if not repeats]
    if open_axes:
        raise InputError(
            f"the atoms do not repeat along {', '.join(open_axes)}, so they are no crystal; "
            "set pbc=True where they do"
        )
    return structure_of_atoms(atoms, max_atoms)


def structure_of_atoms(atoms: Any, max_atoms: int = MAX_ATOMS) -> Structure:
    """The structure in the cell of an `ase.Atoms`, whatever its `pbc`; InputError for what is none."""
    if any(name in atoms.arrays for name in ("occupancy", "occupancies")):
        raise InputError("has occupancies; disorder is not supported")
    # As ase reads a CIF: {kind of site: {element: occupancy}}.
    for kind, shares in (atoms.info.get("occupancy") or {}).items():
        if isinstance(shares, Mapping):
            _refuse_shared(f"site {int(kind) + 1}", dict(shares))
    lattice = np.asarray(atoms.cell.array)
    require_lattice(lattice)
    # Å³: 0 but for rounding; `checked` refuses flat cells.
    if abs(np.linalg.det(lattice)) < 1e-9:
        raise InputError("the lattice has no volume; an extended XYZ file names its Lattice")
    frac = np.linalg.solve(lattice.T, atoms.get_positions().T).T
    return checked(lattice, atoms.get_atomic_numbers(), frac, max_atoms)


def _from_pymatgen(source: Any, max_atoms: int) -> Structure:
    """The crystal of a `pymatgen.core.Structure`, with or without oxidation states."""
    open_axes = [name for name, repeats in zip("abc", source.lattice.pbc, strict=True) if not repeats]
    if open_axes:
        raise InputError(f"the lattice does not repeat along {', '.join(open_axes)}; it is of no crystal")
    numbers = [_number(f"site {row}", site) for row, site in enumerate(source.sites, 1)]
    return checked(np.array(source.lattice.matrix), np.array(numbers), source.frac_coords, max_atoms)


def _number(where: str, site: Any) -> int:
    """Atomic number of the one element of a site; InputError where there is none or more."""
    shares = {str(kind): float(share) for kind, share in site.species.items()}
    _refuse_shared(where, shares)
    (kind,) = site.species
    if type(kind).__name__.startswith("Dummy"):
        raise InputError(f"{where}: '{kind}' stands for no element")
    # The name is D where the symbol is H; with an oxidation state the element lies behind.
    if getattr(kind, "element", kind).name in _ISOTOPES:
        raise InputError(f"{where} is deuterium or tritium; name it H where isotopes do not matter")
    return int(kind.Z)


def _refuse_shared(where: str, shares: dict[str, float]) -> None:
    """InputError, which names the elements and their occupancies, for a site not full of one element."""
    if len(shares) == 1 and min(shares.values()) >= FULL[0]:
        return
    named = ", ".join(f"{kind} {share:g}" for kind, share in shares.items()) or "nothing"
    how = "shared by" if len(shares) > 1 else "occupied by"
    only = "" if len(shares) > 1 else " only"
    raise InputError(f"{where} is {how} {named}{only}; disorder is not supported")
