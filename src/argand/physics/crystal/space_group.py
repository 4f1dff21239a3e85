"""The space group that a structure has within a tolerance."""

from argand.physics.crystal.structure import Structure

TOLERANCE = 0.1
"""Å, spglib's `symprec`: that of the Materials Project, whose structures are what new ones stand beside."""


def space_group(structure: Structure, tolerance: float = TOLERANCE) -> tuple[str, int] | None:
    """Symbol and number by spglib, whose `symprec` the tolerance in Å is; None where it finds none."""
    import spglib  # only where it is used: another library to load

    cell = (structure.lattice.tolist(), structure.frac_coords.tolist(), structure.species.tolist())
    # None where nothing is found; releases to come raise instead, and older ones have no such error.
    try:
        dataset = spglib.get_symmetry_dataset(cell, symprec=tolerance)
    except getattr(spglib, "SpglibError", ()):
        dataset = None
    return None if dataset is None else (str(dataset.international), int(dataset.number))
