"""Batch numbers of HKLF files: overlapping reflections of twins, and groups with separate scales."""

import numpy as np
from jaxtyping import Bool, Int

from argand.errors import InputError
from argand.io.intensities import Rows

_ENOUGH_ALONE = 0.5
"""Least share of non-overlapped reflections of the first component for the overlapped ones to be dropped.

Set by hand: half of the data solve most structures; with less, guesses replace measurements.
"""


def component_alone(rows: Rows, batch: Int[np.ndarray, " n"], source: str) -> Rows:
    """The first component of HKLF 5 data: lines with negative batch overlap with the one that follows.

    Overlapped intensities are left out, or divided equally, with an uncertainty of half the share, if fewer
    than half of the component's reflections do not overlap. Lines with equal indices up to the sign are one
    reflection by Friedel's law. Raises InputError without component 1.
    """
    group = np.concatenate([[0], np.cumsum(batch[:-1] >= 0)]) if len(batch) else np.zeros(0, int)
    first = np.abs(batch) <= 1
    parts = _distinct(rows, group)
    alone, shared = first & (parts[group] == 1), first & (parts[group] > 1)
    # A component may have two lines in a group, as in racemic twins.
    alone, shared = _once(alone, group), _once(shared, group)
    others = len(np.unique(group)) - alone.sum() - shared.sum()
    if not first.any():
        raise InputError(f"{source}: HKLF 5 data without component 1; give those of one component as HKLF 4")
    told = f"twin (HKLF 5): {alone.sum()} non-overlapped reflections of component 1 kept"
    left_out = f"{others} of other components left out" if others else ""
    if alone.sum() >= _ENOUGH_ALONE * (alone.sum() + shared.sum()):
        middle = f"{shared.sum()} overlapped ones left out" if shared.any() else ""
        note = ", ".join(part for part in (told, middle, left_out) if part)
        return _taken(rows, alone, np.ones(len(batch)), note)
    share = np.where(shared, 1 / parts[group], 1.0)
    middle = f"{shared.sum()} overlapped ones divided equally, a guess: give HKLF 4 of one component"
    note = ", ".join(part for part in (told, left_out, middle) if part)
    return _taken(rows, alone | shared, share, note)


def scale_groups(rows: Rows, batch: Int[np.ndarray, " n"]) -> Rows:
    """All reflections, whatever their batch; several batches are assumed to be on one scale, with a note."""
    several = np.unique(batch[batch > 0])
    if len(several) < 2:
        return rows
    note = f"batches {several[0]} to {several[-1]} of the reflections are assumed to be on one scale"
    return Rows(rows.hkl, rows.intensity, rows.sigma, (*rows.notes, note))


def _distinct(rows: Rows, group: Int[np.ndarray, " n"]) -> Int[np.ndarray, " groups"]:
    """Number of different reflections in each group, with Friedel mates counted once."""
    hkl = rows.hkl
    # The sign of the first index that is not 0.
    lead = hkl[np.arange(len(hkl)), np.argmax(hkl != 0, axis=1)]
    folded = hkl * np.where(lead < 0, -1, 1)[:, None]
    unique = np.unique(np.column_stack([group, folded]), axis=0)
    return np.bincount(unique[:, 0], minlength=int(group.max(initial=-1)) + 1)


def _once(chosen: Bool[np.ndarray, " n"], group: Int[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
    """The first chosen line of each group."""
    where = np.flatnonzero(chosen)
    _, first = np.unique(group[where], return_index=True)
    kept = np.zeros(len(chosen), bool)
    kept[where[first]] = True
    return kept


def _taken(rows: Rows, chosen: Bool[np.ndarray, " n"], share: np.ndarray, note: str) -> Rows:
    share = share[chosen]
    intensity = rows.intensity[chosen] * share
    guessed = np.where(share < 1, 0.5 * np.abs(intensity), 0.0)
    sigma = np.hypot(rows.sigma[chosen] * share, guessed)
    return Rows(rows.hkl[chosen], intensity, sigma, (*rows.notes, note))
