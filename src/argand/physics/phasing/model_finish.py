"""The last steps of a model: atoms that nothing asks for leave it, elements are named, and what is left is
added."""

from dataclasses import replace

import numpy as np

from argand.physics.crystal.atom import Atoms
from argand.physics.phasing.element_search import Named, name_elements
from argand.physics.phasing.model_building import OWN_U_BELOW, TETHER, Builder
from argand.physics.phasing.omit_map import omit_support
from argand.physics.phasing.refinement import RefinedModel, refine

_WORSE = 1.1
"""Final elements are not taken where R1 grows by more than this factor; by hand."""
_GHOST, _NOT_MISSED = 0.35, 1.02
"""An atom of less support than the first leaves the model at last where R1 stays below the second times what
it was. By hand; only the whole is measured (`benchmarks/patterson_solver.py`)."""
_FINAL_ROUNDS, _WORTH_ADDING = 3, 0.97
"""Rounds in which the named model is completed, at most, and the share to which each must bring R1. By hand;
only the whole is measured (`benchmarks/patterson_solver.py`)."""


def finished(builder: Builder, model: RefinedModel) -> tuple[RefinedModel, Named]:
    """The model with its final elements, refined against all data, and how sure they are.

    What these leave in the difference map is added while it lowers R1: rounds that had other elements may
    have taken it for ripples. The model itself comes back, its elements all unsure, where new ones fit
    much worse.
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
    # An element too many in a formula can be the name of an atom too many.
    whole = _without_ghosts(builder, model)
    return (model, found) if whole is model else _renamed(builder, whole)


def _without_ghosts(builder: Builder, model: RefinedModel) -> RefinedModel:
    """The model without atoms that neither the others' phases nor R1 ask for; not of those that are
    most."""
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
    """Refined against all data."""
    own_u = builder.data.d_min < OWN_U_BELOW
    return refine(atoms, builder.data, 4, not own_u, 0.0 if own_u else TETHER)
