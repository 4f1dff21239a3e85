"""Which hand a solved crystal has, where Friedel mates were measured apart; the model turned accordingly."""

from dataclasses import dataclass, replace

import numpy as np

from argand.io.cell_errors import with_uncertainty
from argand.physics.crystal.atom import Atoms
from argand.physics.crystal.hand import has_centre, inverted
from argand.physics.crystal.symmetry import Group, inverse_d_squared
from argand.physics.phasing.absolute_structure import Flack, FriedelPairs, flack_of, friedel_pairs
from argand.systems.patterson.solution.reflections import CrystalData

_UNKNOWN = "the hand was not determined"


@dataclass(frozen=True)
class Hand:
    """Flack's x of the model as it is handed on, whether it was inverted for that, and a sentence on both.

    `statement` is empty where the group has a centre of inversion and so no hand.
    """

    statement: str = ""
    flack: Flack | None = None
    is_inverted: bool = False

    def to_dict(self) -> dict[str, float | int | str | bool]:
        """Figures in plain values; none where there is no hand."""
        if not self.statement:
            return {}
        told: dict[str, float | int | str | bool] = {"hand": self.statement}
        if self.flack is not None:
            told |= {"flack": round(self.flack.x, 4), "flack_error": round(self.flack.uncertainty, 4)}
            told |= {"friedel_pairs": self.flack.pairs, "inverted": self.is_inverted}
        return told


def turned(crystal: CrystalData, atoms: Atoms, trusted: bool) -> tuple[Atoms, Group, Hand]:
    """Atoms and group of the hand that Friedel pairs prefer, by Flack's x of the model; else as they are."""
    if has_centre(crystal.group):
        return atoms, crystal.group, Hand()
    reason, pairs = _pairs(crystal, trusted)
    if pairs is None:
        return atoms, crystal.group, Hand(f"{_UNKNOWN}: {reason}")
    axes, wavelength = crystal.orthogonalisation, crystal.wavelength
    found = flack_of(atoms, pairs, crystal.group, axes, wavelength)
    if found is None:
        return atoms, crystal.group, Hand(f"{_UNKNOWN}: too few Friedel pairs were measured apart")
    told = f"Flack x {with_uncertainty(found.x, found.uncertainty)} from {found.pairs} Friedel pairs"
    if not found.is_clear:
        return atoms, crystal.group, Hand(f"{_UNKNOWN}: {told} is not clear", found)
    if not found.is_wrong_hand:
        return atoms, crystal.group, Hand(told + _twin(found), found)
    atoms, group = inverted(atoms, crystal.group)
    found = found.inverted
    told = f"Flack x {with_uncertainty(found.x, found.uncertainty)} from {found.pairs} Friedel pairs"
    changed = "" if group.name == crystal.group.name else f" and its group is {group.name}"
    return atoms, group, Hand(f"{told}, after the structure was inverted{changed}{_twin(found)}", found, True)


def in_group(crystal: CrystalData, group: Group) -> CrystalData:
    """The crystal in the enantiomorphic group; the same where that is its own."""
    if group is crystal.group:
        return crystal
    return replace(crystal, group=group, observed=replace(crystal.observed, group=group))


def _pairs(crystal: CrystalData, trusted: bool) -> tuple[str, FriedelPairs | None]:
    """The Friedel pairs, or why they are not asked."""
    measured = crystal.measured
    if not trusted:
        return "no model is trusted", None
    if crystal.observed.radiation != "xray":
        return "electrons are not scattered anomalously", None
    if measured is None or measured.wavelength is None:
        return "the wavelength is not known", None
    squared = inverse_d_squared(measured.hkl, crystal.orthogonalisation)
    kept = np.flatnonzero(squared <= (crystal.observed.d_min - 1e-6) ** -2)
    pairs = friedel_pairs(measured.hkl[kept], measured.intensity[kept], measured.sigma[kept], crystal.group)
    return ("Friedel mates were not measured apart", None) if len(pairs) == 0 else ("", pairs)


def _twin(found: Flack) -> str:
    return "; a twin by inversion" if found.is_twin else ""
