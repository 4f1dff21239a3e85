"""Twinning tests on the intensity distribution: mean |E² - 1|, L test, twin laws of the lattice."""

from collections.abc import Sequence
from dataclasses import dataclass

import gemmi
import numpy as np
from jaxtyping import Bool, Float, Int

from argand.physics.crystal.symmetry import Group, index_key, inverse_d_squared
from argand.physics.phasing.wilson import expected_intensity
from argand.typing import Matrix3, Miller

_OBLIQUITY = 2.0
"""Largest deviation of the lattice from a higher symmetry in degrees; set by hand, as for twins by
pseudo-merohedry."""
_SHELLS = 10
"""Number of resolution shells for the signal; set by hand."""
_FAINTEST_SHELL = 3.0
"""Least mean I/σ of the shells used; set by hand: in weaker ones noise broadens the distribution."""
_FEWEST = 100
"""Fewest reflections for a result: means of 100 are known to about 0.05; set by hand."""
_WHOLE = 1e-6
"""Largest deviation of rotated indices from integers; elements of rotations are far more exact."""
_OFFSETS = (
    (2, 0, 0),
    (0, 2, 0),
    (0, 0, 2),
    (2, 2, 0),
    (2, -2, 0),
    (2, 0, 2),
    (2, 0, -2),
    (0, 2, 2),
    (0, 2, -2),
)
"""Steps from a reflection to its neighbours in the L test: even, so that pseudo-centring does not pair strong
with weak (Padilla & Yeates, Acta Cryst. D59, 1124, 2003)."""
UNTWINNED = {"acentric": (0.736, 0.5), "centric": (0.968, 2 / np.pi)}
"""Mean |E² - 1| and mean |L| of an untwinned crystal: 2/e and 4/√(2πe), 1/2 and 2/π, by Wilson's
distributions."""
TWINNED = {"acentric": (0.541, 0.375), "centric": (0.736, 0.5)}
"""The same for a perfect twin with intensities that are means of two: 4/e² (Stanley, J. Appl. Cryst. 5, 191,
1972) and 3/8, and for centric ones the values of an untwinned acentric crystal."""
_LARGEST_CLASS = 24
"""Order of the largest rotation group, that of the cube."""
_LAUE = {
    (1, 0): "-1",
    (2, 0): "2/m",
    (4, 0): "mmm",
    (4, 1): "4/m",
    (8, 1): "4/mmm",
    (3, 0): "-3",
    (6, 0): "-3m",
}
_LAUE |= {(6, 2): "6/m", (12, 2): "6/mmm", (12, 0): "m-3", (24, 1): "m-3m"}
"""Laue classes by number of rotations and presence of fourfold (1) or sixfold (2) axes."""
_AGREEING = 0.25
"""Σ|I1 - I2| / Σ(I1 + I2) below which equivalents by a twin law agree.

Set by hand: unrelated acentric intensities have 0.5 and centric ones 0.64, a twin with fractions 1/4 and 3/4
half of that.
"""


@dataclass(frozen=True)
class IntensityStatistics:
    """Means over merged acentric reflections, or centric ones if the group makes all of them centric.

    `deviation` is the mean of |E² - 1|, `local` that of |L| = |I1 - I2| / (I1 + I2) of neighbours; NaN for
    fewer than 100 reflections or pairs.
    """

    kind: str
    deviation: float
    local: float

    @property
    def signs(self) -> int:
        """Number of the two means that are closer to those of a perfect twin."""
        pairs = zip((self.deviation, self.local), UNTWINNED[self.kind], TWINNED[self.kind], strict=True)
        return sum(value < (single + twin) / 2 for value, single, twin in pairs)


@dataclass(frozen=True)
class TwinLaw:
    """A rotation [3, 3] of the lattice outside the group, the Laue class of both, and its agreement.

    `r` is Σ|I1 - I2| / Σ(I1 + I2) over pairs h, h R.
    """

    rotation: Matrix3
    laue: str
    r: float

    @property
    def triplet(self) -> str:
        """The twin law for indices, such as k,h,-l."""
        law = gemmi.Op("x,y,z")
        law.rot = np.rint(gemmi.Op.DEN * self.rotation.T).astype(int).tolist()
        return law.triplet().translate(str.maketrans("xyz", "hkl"))


def intensity_statistics(
    hkl: Miller,
    intensity: Float[np.ndarray, " n"],
    sigma: Float[np.ndarray, " n"],
    group: Group,
    orthogonalisation: Matrix3,
) -> IntensityStatistics:
    """Statistics of merged reflections, in shells with mean I/σ of at least 3.

    Sources: Wilson, Acta Cryst. 2, 318, 1949; Padilla & Yeates, Acta Cryst. D59, 1124, 2003.
    """
    strong = _strong(hkl, intensity, sigma, orthogonalisation)
    hkl, intensity = hkl[strong], intensity[strong]
    centric = is_centric(hkl, group)
    kind = "centric" if centric.all() else "acentric"
    used = centric if kind == "centric" else ~centric
    if used.sum() < _FEWEST:
        return IntensityStatistics(kind, float("nan"), float("nan"))
    normal = intensity / expected_intensity(hkl, intensity, group, orthogonalisation)
    normal = normal / normal[used].mean()
    deviation = float(np.abs(normal[used] - 1).mean())
    return IntensityStatistics(kind, deviation, mean_local(hkl[used], normal[used], group))


def is_centric(hkl: Miller, group: Group) -> Bool[np.ndarray, " n"]:
    """Which reflections have their Friedel mate among their equivalents by rotation."""
    return (group.equivalents(hkl) == -hkl).all(2).any(0)


def mean_local(hkl: Miller, intensity: Float[np.ndarray, " n"], group: Group) -> float:
    """Mean |I1 - I2| / (I1 + I2) of non-equivalent neighbours; NaN for fewer than 100 pairs."""
    known = _Lookup(hkl, intensity, group)
    values = []
    for offset in _OFFSETS:
        where, other = known.partners(hkl + np.array(offset))
        # Negative intensities are noise about 0.
        first, second = np.clip(intensity[where], 0, None), np.clip(intensity[other], 0, None)
        keep = (where != other) & (first + second > 0)
        values.append(np.abs(first - second)[keep] / (first + second)[keep])
    pairs = np.concatenate(values)
    return float(pairs.mean()) if len(pairs) >= _FEWEST else float("nan")


class _Lookup:
    """Merged reflections by any of their equivalents."""

    def __init__(self, hkl: Miller, intensity: Float[np.ndarray, " n"], group: Group):
        self.group = group
        keys = index_key(group.representative(hkl))
        self.order = np.argsort(keys)
        self.keys = keys[self.order]

    def partners(
        self, hkl: Float[np.ndarray, "n 3"] | Miller
    ) -> tuple[Int[np.ndarray, " m"], Int[np.ndarray, " m"]]:
        """Which of these indices are known, and the positions of their reflections."""
        whole = np.rint(hkl).astype(int)
        wanted = index_key(self.group.representative(whole))
        at = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        found = np.flatnonzero((self.keys[at] == wanted) & (np.abs(hkl - whole) < _WHOLE).all(1))
        return found, self.order[at[found]]


def twin_laws(
    hkl: Miller, intensity: Float[np.ndarray, " n"], group: Group, orthogonalisation: Matrix3
) -> list[TwinLaw]:
    """All twin laws of the lattice, within 2°, testable with merged reflections; best agreement first."""
    known = _Lookup(hkl, intensity, group)
    laws = []
    for rotation in lattice_rotations(group, orthogonalisation):
        where, other = known.partners(hkl @ rotation)
        keep = where != other
        first, second = intensity[where[keep]], intensity[other[keep]]
        if keep.sum() >= _FEWEST and (total := float(np.clip(first + second, 0, None).sum())) > 0:
            r = float(np.abs(first - second).sum()) / total
            laws.append(TwinLaw(rotation, laue_class([*group.rotations, rotation]), r))
    return sorted(laws, key=lambda law: law.r)


def lattice_rotations(group: Group, orthogonalisation: Matrix3) -> list[Matrix3]:
    """One rotation of each coset of lattice symmetries not in the group's Laue class."""
    cell = _cell(orthogonalisation)
    lattice = gemmi.find_lattice_symmetry(cell, group.centring_letter, _OBLIQUITY)
    own = list({_key(one): one for one in (*group.rotations, *-group.rotations)}.values())
    seen, found = {_key(one) for one in own}, []
    for op in lattice.sym_ops:
        rotation = np.array(op.rot) / gemmi.Op.DEN
        if _key(rotation) not in seen:
            found.append(rotation)
            seen |= {_key(rotation @ one) for one in own}
    return found


def _key(rotation: np.ndarray) -> tuple[int, ...]:
    """A rotation as integers; in a centred lattice its elements may be halves or thirds."""
    return tuple(np.rint(gemmi.Op.DEN * np.asarray(rotation)).astype(int).ravel().tolist())


def _cell(orthogonalisation: Matrix3) -> gemmi.UnitCell:
    a, b, c = orthogonalisation.T
    lengths = [float(np.linalg.norm(axis)) for axis in (a, b, c)]
    pairs = ((b, c), (a, c), (a, b))
    angles = [np.degrees(np.arccos(u @ v / np.linalg.norm(u) / np.linalg.norm(v))) for u, v in pairs]
    return gemmi.UnitCell(*lengths, *(float(angle) for angle in angles))


def laue_class(rotations: Sequence[np.ndarray]) -> str:
    """The Laue class of all products of rotations, in any setting, from its order and the traces of its
    rotations."""
    found = {_key(one): np.asarray(one) * np.sign(np.linalg.det(one)) for one in rotations}
    found = {_key(one): one for one in found.values()}
    while True:
        products = [first @ second for first in found.values() for second in found.values()]
        more = {_key(one): one for one in products}
        if len(more) <= len(found) or len(more) > _LARGEST_CLASS:
            break
        found = more
    # 1 + 2 cos of the angle: 1 for a fourfold axis, 2 for a sixfold one.
    traces = {round(float(np.trace(one))) for one in found.values()}
    return _LAUE.get((len(found), (1 in traces) + 2 * (2 in traces)), "a higher class")


def _strong(
    hkl: Miller,
    intensity: Float[np.ndarray, " n"],
    sigma: Float[np.ndarray, " n"],
    orthogonalisation: Matrix3,
) -> Bool[np.ndarray, " n"]:
    """Reflections up to the resolution at which the mean I/σ of a shell falls below 3."""
    order = np.argsort(inverse_d_squared(hkl, orthogonalisation))
    chosen = np.zeros(len(hkl), bool)
    for shell in np.array_split(order, _SHELLS):
        if not len(shell) or (intensity[shell] / np.maximum(sigma[shell], 1e-12)).mean() < _FAINTEST_SHELL:
            break
        chosen[shell] = True
    return chosen


def twin_warning(
    hkl: Miller,
    intensity: Float[np.ndarray, " n"],
    sigma: Float[np.ndarray, " n"],
    group: Group,
    orthogonalisation: Matrix3,
) -> str | None:
    """A line naming the twin law if merged reflections look like a merohedral twin, None otherwise.

    Required are agreement of equivalents by the law, and both mean |E² - 1| and mean |L| closer to a perfect
    twin than to a single crystal: heavy atoms and pseudo-symmetry produce one sign or two.
    """
    laws = [law for law in twin_laws(hkl, intensity, group, orthogonalisation) if law.r < _AGREEING]
    if not laws:
        return None
    found = intensity_statistics(hkl, intensity, sigma, group, orthogonalisation)
    if found.signs < 2:
        return None
    single = UNTWINNED[found.kind]
    return (
        f"the data look like a merohedral twin by {laws[0].triplet}: mean |E²-1| {found.deviation:.2f} "
        f"(single crystal {single[0]:.2f}), mean |L| {found.local:.2f} ({single[1]:.2f}), and equivalents "
        f"agree in {laws[0].laue} too (R {laws[0].r:.2f}); an untwinned model may fail"
    )
