"""What a network is told of the Wyckoff positions: tables with a row for each group and letter."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from argand.physics.crystal.wyckoff import GROUPS, operations
from argand.systems.crystals.generation.framework import free_numbers
from argand.systems.crystals.generation.wyckoff_table import LETTERS, positions

SITE_FEATURES = 21
"""Numbers that describe a position: cosine and sine of its origin, its axes, its freedom, its sites, its site
symmetry."""


@dataclass(frozen=True)
class SiteTables:
    """Rows are groups (number - 1), columns letters; what no group has is zero.

    `sites` are those of the primitive cell; a point is `origin` + `axes` u. `free_cell` tells which numbers
    of the cell a group leaves free.
    """

    sites: Tensor
    freedom: Tensor
    origin: Tensor
    axes: Tensor
    features: Tensor
    free_cell: Tensor


@cache
def site_tables() -> SiteTables:
    """The tables of all groups, made once in a process."""
    shape = (GROUPS, len(LETTERS))
    sites, freedom = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    origin, axes = np.zeros((*shape, 3), np.float32), np.zeros((*shape, 3, 3), np.float32)
    features = np.zeros((*shape, SITE_FEATURES), np.float32)
    free_cell = np.zeros((GROUPS, 6), bool)
    for group in range(1, GROUPS + 1):
        ops = operations(group)
        free_cell[group - 1, free_numbers(group)] = True
        for letter, position in positions(group).items():
            at = (group - 1, LETTERS.index(letter))
            sites[at] = position.multiplicity // ops.centrings
            freedom[at] = position.freedom
            origin[at], axes[at][:, : position.freedom] = position.origin, position.axes
            turn = 2 * np.pi * position.origin
            order = np.log([sites[at], len(ops.rotations) / position.multiplicity])
            there = np.eye(4)[position.freedom]
            features[at] = np.concatenate([np.cos(turn), np.sin(turn), axes[at].ravel(), there, order])
    arrays = (sites, freedom, origin, axes, features, free_cell)
    return SiteTables(*map(torch.from_numpy, arrays))
