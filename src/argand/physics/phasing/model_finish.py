"""Final steps of a model: unsupported atoms are removed, elements assigned, and missing atoms added."""

from dataclasses import replace

import numpy as np

from argand.physics.crystal.atom import Atoms
from argand.physics.phasing.element_search import Named, name_elements
from argand.physics.phasing.model_building import OWN_U_BELOW, TETHER, Builder
from argand.physics.phasing.omit_map import omit_support
from argand.physics.phasing.refinement import RefinedModel, refine

_WORSE = 1.1
"""Final elements are rejected if R1 grows by more than this factor; set by hand."""
_GHOST, _NOT_MISSED = 0.35, 1.02
"""An atom of less support than the first is finally removed if R1 stays below the second times its old value.
Set by hand; only overall results are benchmarked (`benchmarks/patterson_solver.py`)."""
_FINAL_ROUNDS, _WORTH_ADDING = 3, 0.97
"""Most rounds that complete the model after element assignment, and the fraction to which each must reduce
R1. Set by hand; only overall results are benchmarked (`benchmarks/patterson_solver.py`)."""


def finished(builder: Builder, model: RefinedModel) -> tuple[RefinedModel, Named]:
    """The model with its final elements, refined against all data, and their probabilities.

    Remaining difference peaks are added while they lower R1: earlier rounds with other elements may have
    mistaken them for ripples. If the new elements fit much worse, the model itself is returned with all
    elements uncertain.
    """
    model, found = _renamed(builder, _without_ghosts(builder, model))
    for _ in range(_FINAL_ROUNDS):
        atoms = builder.extended(model.atoms)
        if len(atoms) == len(model.atoms):
            break
        larger, names = _renamed(builder, _refined(builder, atoms))
        if larger.r1 > _WORTH_ADDING * model.r1:
            break
        model, found = larger, names
    # An extra element in a formula may correspond to an extra atom.
    whole = _without_ghosts(builder, model)
    return (model, found) if whole is model else _renamed(builder, whole)


def _without_ghosts(builder: Builder, model: RefinedModel) -> RefinedModel:
    """The model without atoms unsupported by omit maps and R1, unless they are the majority."""
    support = omit_support(model.atoms, model.scale, builder.phasing)
    doubted = [int(one) for one in np.argsort(support) if support[one] < _GHOST]
    for number in doubted[: len(model.atoms) // 4]:
        other = _refined(builder, model.atoms.take(np.delete(np.arange(len(model.atoms)), number)))
        if other.r1 < _NOT_MISSED * model.r1:
            return _without_ghosts(builder, other)
    return model


def _renamed(builder: Builder, model: RefinedModel) -> tuple[RefinedModel, Named]:
    found = name_elements(model.atoms, builder.data, builder.content, builder.elements)
    if found.elements == model.atoms.elements:
        return model, found
    start = replace(model.atoms, elements=found.elements, frac=found.atoms.frac, u_iso=found.atoms.u_iso)
    other = _refined(builder, start)
    if other.r1 > _WORSE * model.r1:
        return model, replace(found, elements=model.atoms.elements, probability=np.zeros(len(start)))
    return other, found


def _refined(builder: Builder, atoms: Atoms) -> RefinedModel:
    """The model refined against all data."""
    own_u = builder.data.d_min < OWN_U_BELOW
    return refine(atoms, builder.data, 4, not own_u, 0.0 if own_u else TETHER)
