"""What the potential says of a crystal: relaxed, how far it went, and how far above the hull it ends."""

from typing import Any

from argand.physics.crystal.structure import Structure
from argand.systems.crystals.database.fingerprint_index import formula_of
from argand.systems.crystals.energy.hull import Hull
from argand.systems.crystals.energy.relaxation import Effort, relax

Record = dict[str, Any]


def relaxed_with_energy(structure: Structure, hull: Hull, effort: Effort) -> tuple[Structure, Record]:
    """The relaxed structure, and a record of energies in eV for an atom and of the way in Å.

    `above_hull` is a lower bound, as the hull knows but the phases that it was made of; None where an element
    has no phase of its own (`without_reference` names it) or where the relaxation did not converge.
    InputError where the potential has no answer at all.
    """
    relaxed = relax(structure, effort)
    energy: Record = {
        "energy_before": relaxed.before,
        "energy": relaxed.after,
        "energy_lost": relaxed.before - relaxed.after,
        "rmsd": relaxed.rmsd,
        "relaxation_steps": relaxed.steps,
        "relaxation": relaxed.ended,
    }
    return relaxed.structure, energy | against(hull, structure, energy)


def against(hull: Hull, structure: Structure, energy: Record) -> Record:
    """How far the crystal of a record of energies is above a hull; as in `relaxed_with_energy`."""
    formula = formula_of(structure)
    converged = energy.get("relaxation") == "converged"
    return {
        "above_hull": hull.above(formula, energy["energy"]) if converged else None,
        "without_reference": hull.lacking(formula),
    }
