"""Models of one crystal in several space groups, and which of them is preferred."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from argand.physics.crystal.atom import Atoms
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.placed_atoms import nearest_distance
from argand.physics.phasing.space_group import Ranked
from argand.systems.patterson.solution.reflections import CrystalData
from argand.systems.patterson.solution.structure_search import StructureSearch
from argand.systems.patterson.solution.validation import free_parameters
from argand.typing import Matrix3, Vector3

_DISPROVED, _OF_EACH = -10.0, -0.2
"""Log-likelihood of forbidden reflections that are clearly there, and its mean over all forbidden ones, below
both of which a group is not chosen.

By hand: three such reflections, if they are more than a twentieth of all that the group forbids.
"""
_LOWER_SYMMETRY = 0.75
"""A model in a group of fewer operators is preferred where its misfit is less than this share of the other's.

By hand, on measured sets of the half to choose on: models in subgroups of the right group had an R1 lower by
a tenth.
"""
_FAR_BETTER = 0.6
"""Share of a trusted model's misfit below which one that is not, for its distances say, is preferred.

By hand.
"""
OBEYED = 0.6
"""Consistency of the weakest operator from which on phases speak for a group of more operators.

By hand, low: the model in that group decides.
"""
_DISOBEYED = 0.4
"""Consistency of the weakest operator below which a group is preferred to none that phases obey better.

By hand: wrong operators have mostly less, right ones more where the phases are any good.
"""
_SAME = 0.5
"""Å within which two atoms are images of one, as of `Group.site`."""


class GroupModel(NamedTuple):
    """A group that was tried as a whole; `ranking` is the number of that which its best model came from."""

    ranked: Ranked
    crystal: CrystalData
    search: StructureSearch
    ranking: int

    @property
    def name(self) -> str:
        """Symbol of the group."""
        return self.crystal.group.name

    @property
    def trusted(self) -> bool:
        """Whether the model is trusted."""
        return self.search.verdict.trusted

    @property
    def misfit(self) -> float:
        """R1 over the share of reflections that its parameters leave free."""
        assert self.search.best is not None
        model = self.search.best
        share = free_parameters(self.crystal, model) / len(self.crystal.observed.hkl)
        return model.r1 / max(1 - share, 1e-2)


def moved_atoms(atoms: Atoms, shift: Vector3, group: Group, orthogonalisation: Matrix3) -> Atoms:
    """The asymmetric unit in a group of more operators, of atoms that obey it after a shift of the origin."""
    kept, places, occupancies = [], [], []
    for number, frac in enumerate(atoms.frac):
        _, place, same = group.site(frac + shift, orthogonalisation)
        if places and nearest_distance(place, np.array(places), group, orthogonalisation) < _SAME:
            continue
        kept.append(number)
        places.append(place % 1.0)
        occupancies.append(1 / same)
    elements = tuple(atoms.elements[number] for number in kept)
    return Atoms(elements, np.array(places), atoms.u_iso[kept], np.array(occupancies))


def preferred(models: Sequence[GroupModel]) -> GroupModel | None:
    """The model that is preferred; where none is trusted, by the rank of its group. None of none."""
    allowed = [one for one in models if not is_disproved(one.ranked)] or list(models)
    if not allowed:
        return None
    trusted = [one for one in allowed if one.trusted]
    if not trusted:
        return max(_fitting(allowed), key=lambda one: one.ranked.rank)
    # One that fits far better counts, whatever else is said against it, and so does one of operators that the
    # phases obey: what is trusted in a subgroup is then the same structure.
    lowest = min(one.misfit for one in trusted)
    trusted += [
        one
        for one in allowed
        if not one.trusted and (one.misfit < _FAR_BETTER * lowest or one.ranked.weakest > OBEYED)
    ]
    fitting = _fitting(trusted)
    return min(
        fitting, key=lambda one: (one.ranked.weakest < _DISOBEYED, -one.crystal.group.order, one.misfit)
    )


def _fitting(models: Sequence[GroupModel]) -> list[GroupModel]:
    """Those whose misfit is near the least."""
    limit = min(one.misfit for one in models) / _LOWER_SYMMETRY
    return [one for one in models if one.misfit <= limit]


def is_disproved(ranked: Ranked) -> bool:
    """Whether reflections are there that the group forbids."""
    absences = ranked.absences
    return absences.against < min(_DISPROVED, _OF_EACH * absences.count)
