"""Bravais lattices consistent with a measured lattice within its uncertainties.

Approximate twofold axes of the reduced cell generate the candidate groups (Le Page 1982, J. Appl. Cryst. 15,
255-259; here by gemmi). A group's symmetry is a set of linear conditions on the metric tensor, tested by chi²
with the covariance of the measured one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import gemmi
import numpy as np
from jaxtyping import Float

from argand.physics.crystal.cell import Cell
from argand.physics.crystal.conventional import Group, conventional_setting
from argand.typing import Matrix3

MOST_OBLIQUE_DEG = 2.0
"""Largest angle in degrees between the direct and reciprocal directions of a candidate twofold axis.

Set by hand: more than the error of any usable lattice; chi² decides below it.
"""
STRAIN = 7e-4
"""Relative error of lengths (and angles in radians) that a lattice may have beyond its covariance.

Set by hand: 0.07 % and 0.04°, the distortion by a small error of tilt or distance.
"""
LARGEST_CHI2 = 9.0
"""Largest chi² per condition for a possible symmetry. Set by hand: three standard deviations."""
WORST_STRAIN = 0.01
"""Standard deviation of lengths relative to each other (and of angles, radians) beyond which no symmetry is
assigned. Set by hand: a less accurate lattice agrees with too many."""

PAIRS = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
"""Elements of the metric tensor as a vector of six: squares, then products bc, ac, ab."""
SYSTEMS = {1: "a", 2: "m", 4: "o", 6: "h", 8: "t", 12: "h", 24: "c"}
"""Letter of the crystal family by the order of the lattice's rotation group (International Tables A)."""


@dataclass(frozen=True)
class Lattice:
    """A Bravais lattice: its symbol (`tP`), conventional cell and goodness of fit.

    `sigma` are standard deviations of a, b, c (Å) and alpha, beta, gamma (radians), 0 where symmetry fixes
    them; `chi2` is that of the conditions of the symmetry, each of which may contribute up to `LARGEST_CHI2`.
    """

    symbol: str
    cell: Cell
    sigma: tuple[float, float, float, float, float, float]
    chi2: float


@dataclass(frozen=True)
class Metric:
    """Direct-lattice vectors (rows, Å, Niggli-reduced) and the covariance of the six elements of their metric
    tensor."""

    rows: Matrix3
    covariance: Float[np.ndarray, "6 6"]

    @property
    def six(self) -> Float[np.ndarray, " 6"]:
        """The metric tensor as a vector, in the order of PAIRS, Å²."""
        return six_of(self.rows @ self.rows.T)


def bravais_lattices(basis: Matrix3, covariance: Float[np.ndarray, "9 9"]) -> list[Lattice]:
    """Lattices consistent with the measured one, highest symmetry first, the triclinic one last.

    `basis` has the reciprocal vectors as columns (1/Å) and is primitive; `covariance` is that of its elements
    row by row. The first one is the most probable. Only the triclinic one where nothing is known of its
    symmetry (see `symmetry_is_known`)."""
    metric = reduced_metric(basis, covariance)
    groups: list[Group] = [(np.eye(3, dtype=int),)]
    if symmetry_is_known(basis, covariance):
        groups += _groups(metric)
    found = [one for group in groups if (one := _tested(metric, group)) is not None]
    # Of equal order the more probable first; of one symbol in several settings the most probable alone.
    order = list("cthoma")
    found.sort(key=lambda one: (order.index(one.symbol[0]), one.symbol[1] == "R", one.chi2))
    return list({one.symbol: one for one in reversed(found)}.values())[::-1]


def symmetry_is_known(basis: Matrix3, covariance: Float[np.ndarray, "9 9"]) -> bool:
    """Whether a lattice is accurate enough not to agree with others by chance."""
    return _relative_sigma(reduced_metric(basis, covariance)) < WORST_STRAIN


def reduced_metric(basis: Matrix3, covariance: Float[np.ndarray, "9 9"]) -> Metric:
    """The Niggli-reduced direct lattice of reciprocal vectors (columns), with STRAIN in its covariance."""
    direct = np.linalg.inv(basis)
    cell = gemmi.UnitCell(*lengths_and_angles(direct @ direct.T))
    vector = gemmi.GruberVector(cell, "P", True)
    vector.niggli_reduce(epsilon=1e-6 * float(np.trace(direct @ direct.T)))
    change = np.rint(np.array(vector.change_of_basis.rot).T / gemmi.Op.DEN)
    rows = change @ direct
    # d(inv B) = -inv B dB inv B, and the metric is linear in the change of the rows.
    slopes = np.empty((6, 9))
    for element in range(9):
        step = np.zeros(9)
        step[element] = 1.0
        moved = -change @ direct @ step.reshape(3, 3) @ direct
        slopes[:, element] = six_of(moved @ rows.T + rows @ moved.T)
    strain = np.stack([six_of(2.0 * rows @ _unit_strain(pair) @ rows.T) for pair in PAIRS], axis=1)
    return Metric(rows, slopes @ covariance @ slopes.T + STRAIN**2 * strain @ strain.T)


def lengths_and_angles(metric: Matrix3) -> tuple[float, float, float, float, float, float]:
    """a, b, c in the unit of the square root of the metric and alpha, beta, gamma in degrees."""
    length = np.sqrt(np.diag(metric))
    cosine = [metric[i, j] / (length[i] * length[j]) for i, j in PAIRS[3:]]
    a, b, c, alpha, beta, gamma = (
        float(v) for v in (*length, *np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    )
    return a, b, c, alpha, beta, gamma


def six_of(metric: Matrix3) -> Float[np.ndarray, " 6"]:
    """A symmetric tensor as a vector of six, in the order of PAIRS."""
    return np.array([metric[pair] for pair in PAIRS])


def _unit_strain(pair: tuple[int, int]) -> Matrix3:
    """The symmetric tensor with one element of 1, or two of ½ off the diagonal."""
    tensor = np.zeros((3, 3))
    tensor[pair] += 0.5
    tensor[pair[::-1]] += 0.5
    return tensor


def _relative_sigma(metric: Metric) -> float:
    """Largest standard deviation of a strain of the lattice, excluding its overall scale."""
    inverse = np.linalg.inv(metric.rows)
    slopes = np.empty((6, 6))
    for element, pair in enumerate(PAIRS):
        change = 2.0 * _unit_strain(pair) if pair[0] != pair[1] else _unit_strain(pair)
        slopes[:, element] = six_of(0.5 * inverse @ change @ inverse.T)
    slopes[:3] -= slopes[:3].mean(axis=0)
    return float(np.sqrt(np.linalg.eigvalsh(slopes @ metric.covariance @ slopes.T)[-1]))


def _groups(metric: Metric) -> list[Group]:
    """Groups generated by subsets of the approximate twofold axes: rotations x' = R x of indices."""
    cell = gemmi.UnitCell(*lengths_and_angles(metric.rows @ metric.rows.T))
    twofold = [
        np.array(op.rot) // gemmi.Op.DEN for op, _ in gemmi.find_lattice_2fold_ops(cell, MOST_OBLIQUE_DEG)
    ]
    singles = [_closed([op]) for op in twofold]
    fitting = [op for op, group in zip(twofold, singles, strict=True) if group and _fits(metric, group)]
    found = {_key(group): group for op in fitting if (group := _closed([op]))}
    # At most three twofold axes generate the rotations of any lattice: groups grow by one axis twice.
    for _ in range(2):
        for group in list(found.values()):
            for op in fitting:
                larger = _closed([*group, op])
                if larger:
                    found.setdefault(_key(larger), larger)
    return list(found.values())


def _closed(ops: Iterable[np.ndarray]) -> Group:
    """The group generated by rotations; empty if it exceeds the 24 rotations of a lattice."""
    found = {tuple(np.eye(3, dtype=int).ravel().tolist())} | _key(ops)
    while True:
        matrices = [np.reshape(one, (3, 3)) for one in found]
        larger = found | _key(a @ b for a in matrices for b in matrices)
        if len(larger) > 24:
            return ()
        if larger == found:
            return tuple(matrices)
        found = larger


def _key(group: Iterable[np.ndarray]) -> frozenset[tuple[int, ...]]:
    return frozenset(tuple(op.ravel().tolist()) for op in group)


def _averaging(group: Group) -> Float[np.ndarray, "6 6"]:
    """The linear map that makes a metric tensor (six) symmetric: the mean of R' G R."""
    columns = []
    for pair in PAIRS:
        tensor = np.zeros((3, 3))
        tensor[pair] = tensor[pair[::-1]] = 1.0
        columns.append(six_of(np.mean([op.T @ tensor @ op for op in group], axis=0)))
    return np.stack(columns, axis=1)


def _symmetrised(metric: Metric, group: Group) -> tuple[np.ndarray, np.ndarray, float, int]:
    """Metric and covariance under the conditions of a group, by least squares; chi² and the number of
    conditions."""
    conditions = np.eye(6) - _averaging(group)
    count = int(np.linalg.matrix_rank(conditions, tol=1e-6))
    if count == 0:
        return metric.six, metric.covariance, 0.0, 0
    # The rows of the conditions' image span the components that must vanish.
    wanted = np.linalg.svd(conditions)[2][:count]
    weight = np.linalg.inv(wanted @ metric.covariance @ wanted.T)
    gain = metric.covariance @ wanted.T @ weight
    broken = wanted @ metric.six
    return (
        metric.six - gain @ broken,
        metric.covariance - gain @ wanted @ metric.covariance,
        float(broken @ weight @ broken),
        count,
    )


def _fits(metric: Metric, group: Group) -> bool:
    _, _, chi2, count = _symmetrised(metric, group)
    return chi2 <= LARGEST_CHI2 * max(count, 1)


def _tested(metric: Metric, group: Group) -> Lattice | None:
    """The Bravais lattice of a group, if the measured metric allows it."""
    return _lattice(metric, group) if len(group) in SYSTEMS and _fits(metric, group) else None


def _lattice(metric: Metric, group: Group) -> Lattice | None:
    """Conventional cell of the group's lattice and its standard deviations; None if there is no such
    setting."""
    six, covariance, chi2, _ = _symmetrised(metric, group)
    tensor = _tensor(six)
    setting = conventional_setting(tensor, group)
    if setting is None:
        return None
    axes, centring = setting
    a, b, c, *angles = lengths_and_angles(axes @ tensor @ axes.T)
    alpha, beta, gamma = (float(v) for v in np.radians(angles))
    slopes = np.empty((6, 6))
    here = _parameters(axes @ tensor @ axes.T)
    for element in range(6):
        step = np.zeros(6)
        # Set by hand: a millionth, between rounding and curvature.
        step[element] = 1e-6 * np.trace(tensor)
        slopes[:, element] = (_parameters(axes @ _tensor(six + step) @ axes.T) - here) / step[element]
    variance = np.diag(slopes @ covariance @ slopes.T)
    sigma = np.sqrt(np.maximum(variance, 0.0))
    # Rounding leaves 1e-9 in parameters fixed by symmetry.
    sigma[sigma < 1e-7 * np.array([a, b, c, 1, 1, 1])] = 0.0
    cell = Cell(a, b, c, alpha, beta, gamma, centring)
    s = sigma.tolist()
    return Lattice(SYSTEMS[len(group)] + centring, cell, (s[0], s[1], s[2], s[3], s[4], s[5]), chi2)


def _tensor(six: np.ndarray) -> Matrix3:
    tensor = np.zeros((3, 3))
    for value, pair in zip(six, PAIRS, strict=True):
        tensor[pair] = tensor[pair[::-1]] = value
    return tensor


def _parameters(metric: Matrix3) -> Float[np.ndarray, " 6"]:
    """Lengths, and angles in radians."""
    values = np.array(lengths_and_angles(metric))
    return np.concatenate([values[:3], np.radians(values[3:])])
