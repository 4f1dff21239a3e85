"""Crystal structures of ase and pymatgen, recognised by their attributes without importing either package."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from argand.errors import InputError
from argand.io.structure_sites import FULL
from argand.physics.crystal.structure import MAX_ATOMS, Structure, checked, require_lattice

_ISOTOPES = ("D", "T")
"""Hydrogen isotopes with their own symbols."""


def foreign_structure(source: Any, max_atoms: int = MAX_ATOMS) -> Structure | None:
    """The structure of an `ase.Atoms` or of a structure of pymatgen; None for anything else.

    InputError, with the reason, for anything but an ordered crystal. Oxidation states, magnetic moments and
    other site properties are ignored.
    """
    if hasattr(source, "get_atomic_numbers") and hasattr(source, "pbc"):
        return _from_ase(source, max_atoms)
    if hasattr(source, "sites") and hasattr(source, "lattice"):
        return _from_pymatgen(source, max_atoms)
    if type(source).__module__.startswith("pymatgen.") and hasattr(source, "sites"):
        raise InputError(f"a {type(source).__name__} of pymatgen has no lattice, so it is not a crystal")
    return None


def _from_ase(atoms: Any, max_atoms: int) -> Structure:
    """The crystal of an `ase.Atoms` periodic along all three axes."""
    open_axes = [name for name, repeats in zip("abc", atoms.pbc, strict=True) if not repeats]
    if open_axes:
        raise InputError(
            f"the atoms are not periodic along {', '.join(open_axes)}, so they are not a crystal; "
            "set pbc=True if they are"
        )
    return structure_of_atoms(atoms, max_atoms)


def structure_of_atoms(atoms: Any, max_atoms: int = MAX_ATOMS) -> Structure:
    """The structure in the cell of an `ase.Atoms`, regardless of its `pbc`; InputError if invalid."""
    if any(name in atoms.arrays for name in ("occupancy", "occupancies")):
        raise InputError("has occupancies; disorder is not supported")
    # As ase reads a CIF: {kind of site: {element: occupancy}}.
    for kind, shares in (atoms.info.get("occupancy") or {}).items():
        if isinstance(shares, Mapping):
            _refuse_shared(f"site {int(kind) + 1}", dict(shares))
    lattice = np.asarray(atoms.cell.array)
    require_lattice(lattice)
    # Å³: 0 up to rounding; `checked` rejects flat cells.
    if abs(np.linalg.det(lattice)) < 1e-9:
        raise InputError("the lattice has no volume; an extended XYZ file needs its Lattice")
    frac = np.linalg.solve(lattice.T, atoms.get_positions().T).T
    return checked(lattice, atoms.get_atomic_numbers(), frac, max_atoms)


def _from_pymatgen(source: Any, max_atoms: int) -> Structure:
    """The crystal of a `pymatgen.core.Structure`, with or without oxidation states."""
    open_axes = [name for name, repeats in zip("abc", source.lattice.pbc, strict=True) if not repeats]
    if open_axes:
        raise InputError(f"the lattice is not periodic along {', '.join(open_axes)}; it is not a crystal")
    numbers = [_number(f"site {row}", site) for row, site in enumerate(source.sites, 1)]
    return checked(np.array(source.lattice.matrix), np.array(numbers), source.frac_coords, max_atoms)


def _number(where: str, site: Any) -> int:
    """Atomic number of the one element of a site; InputError for none or several."""
    shares = {str(kind): float(share) for kind, share in site.species.items()}
    _refuse_shared(where, shares)
    (kind,) = site.species
    if type(kind).__name__.startswith("Dummy"):
        raise InputError(f"{where}: '{kind}' is not an element")
    # The name is D where the symbol is H; with an oxidation state the element is nested.
    if getattr(kind, "element", kind).name in _ISOTOPES:
        raise InputError(f"{where} is deuterium or tritium; name it H if isotopes do not matter")
    return int(kind.Z)


def _refuse_shared(where: str, shares: dict[str, float]) -> None:
    """InputError, naming elements and occupancies, for a site not fully occupied by one element."""
    if len(shares) == 1 and min(shares.values()) >= FULL[0]:
        return
    named = ", ".join(f"{kind} {share:g}" for kind, share in shares.items()) or "nothing"
    how = "shared by" if len(shares) > 1 else "occupied by"
    only = "" if len(shares) > 1 else " only"
    raise InputError(f"{where} is {how} {named}{only}; disorder is not supported")
