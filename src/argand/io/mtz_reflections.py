"""Reflections of MTZ files: the first column of intensities, or else of amplitudes."""

from collections.abc import Mapping
from pathlib import Path

import gemmi
import numpy as np

from argand.errors import InputError
from argand.io.intensities import MeasuredIntensities, squared, unknown_sigma
from argand.io.plain_name import plain_name
from argand.physics.crystal.symmetry import Group


def read_mtz_reflections(path: Path, blob: bytes) -> MeasuredIntensities:
    """Reflections, cell and symmetry; InputError for a file that is no MTZ or lacks the columns."""
    if blob[:4] != b"MTZ ":
        raise InputError(f"{path}: is no MTZ file")
    with plain_name(path) as plain:
        mtz = gemmi.read_mtz_file(plain)
    data = np.array(mtz, copy=True)
    # Reversed, so that of several columns of a kind the first is taken.
    kinds: Mapping[str, int] = {column.type: i for i, column in reversed(list(enumerate(mtz.columns)))}
    which = next((kind for kind in "JFG" if kind in kinds), None)
    if which is None:
        raise InputError(f"{path}: has no column of intensities (J) or amplitudes (F)")
    column = kinds[which]
    value, sigma = data[:, column].astype(float), data[:, column + 1].astype(float)
    if mtz.columns[column + 1].type not in "QML":
        sigma = unknown_sigma(value)
    keep = np.isfinite(value) & np.isfinite(sigma)
    hkl, value, sigma = data[keep, :3].astype(int), value[keep], sigma[keep]
    if which != "J":
        value, sigma = squared(value, sigma)
    c = mtz.cell
    group = (
        None
        if mtz.spacegroup is None
        else Group.from_operations(mtz.spacegroup.operations(), mtz.spacegroup.xhm())
    )
    name = None if mtz.spacegroup is None else mtz.spacegroup.xhm()
    cell = (c.a, c.b, c.c, c.alpha, c.beta, c.gamma)
    return MeasuredIntensities(str(path), hkl, value, sigma, cell, name, group)
