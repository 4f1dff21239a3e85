"""Powder calibrants by name: where their rings lie, and which ring of an image is which.

The spacings follow from the lattice and its reflection conditions. Which rings an image shows, and at what
distance, is found together: the innermost may hide behind the beamstop, and a stated distance may be wrong
by some per cent.
"""

from dataclasses import dataclass

import gemmi
import numpy as np
from jaxtyping import Float, Int

from argand.errors import ConfigError
from argand.physics.still.scattering import s_from_two_theta
from argand.system import near_match

REACH = 0.25
"""Largest relative error of a stated distance within which rings are looked up. By hand: what is farther off
is another setting of the detector, and from 4/3 on orders of a lamellar calibrant match one another."""
TOLERANCE = 1.0
"""How far a ring may lie from the calibrant's, in px, to be taken for it. By hand: many times the error of a
ring's mean radius, and a fraction of the distance between rings."""
BLEND = 3.0
"""Rings of a calibrant that are closer to one of the image than so many of its standard deviations are not
told apart. By hand: two Gaussians closer than that have one maximum or pull at each other."""
USUAL_ERROR, SAME_DISTANCE = 0.1, 0.005
"""Relative error of a stated distance that is usual, which decides between readings that fit equally well,
and by how much distances must differ to be different readings. By hand."""
MISSING = 0.3
"""What a ring of the calibrant that is not seen between two that are costs, over what a matched one earns.
By hand: weak rings are missed often, but a list that is dense enough matches anything."""
MARGIN, LEAST_SHARE, LEAST_RINGS = 0.9, 0.75, 3
"""By how many rings one reading of the rings must win over the next, and the least share of the rings seen
that are the calibrant's, and their least number, where so many are seen. By hand: the rest may be of a
window, or the rim of a stop."""


@dataclass(frozen=True)
class Calibrant:
    """A powder whose spacings are known: space group and cell (a, b, c in Å, gamma in degrees).

    Without a space group it is lamellar, with rings at c/n. `source` is that of the lattice constants.
    """

    space_group: str
    a: float
    c: float
    gamma: float
    source: str

    def s(self, s_max: float) -> Float[np.ndarray, " n"]:
        """Sorted s = 1/d in 1/Å of the rings below `s_max`."""
        if not self.space_group:
            orders = np.arange(1, int(s_max * self.c) + 1) / self.c
            return orders[orders < s_max]
        cell = gemmi.UnitCell(self.a, self.a, self.c, 90, 90, self.gamma)
        group = gemmi.SpaceGroup(self.space_group)
        hkl = gemmi.make_miller_array(cell, group, 1.0 / s_max)
        if not len(hkl):
            return np.empty(0)
        hkl = hkl[~group.operations().systematic_absences(hkl)]
        if self.space_group == "F d -3 m":
            # Atoms on the special position 8a only: absent where h + k + l = 4 n + 2.
            hkl = hkl[hkl.sum(axis=1) % 4 != 2]
        s = np.sort(np.sqrt(cell.calculate_1_d2_array(hkl)))
        # Rings of one length, such as 333 and 511, are one; 1e-7 of s is rounding.
        return s[np.diff(s, prepend=0.0) > 1e-7]


CALIBRANTS = {
    "LaB6": Calibrant("P m -3 m", 4.1569, 4.1569, 90, "NIST SRM 660a and 660b"),
    "CeO2": Calibrant("F m -3 m", 5.41165, 5.41165, 90, "NIST SRM 674b"),
    "Si": Calibrant("F d -3 m", 5.4312, 5.4312, 90, "NIST SRM 640c to 640e"),
    "AgBh": Calibrant("", 58.38, 58.38, 90, "Blanton et al. 1995, Powder Diffr. 10, 91"),
    "Al2O3": Calibrant("R -3 c :H", 4.757, 12.9877, 120, "corundum: doi 10.1107/S0108767389012596"),
    "Cr2O3": Calibrant("R -3 c :H", 4.959, 13.5959, 120, "NIST SRM 674b"),
    "TiO2": Calibrant("P 42/m n m", 4.5939, 2.9589, 90, "rutile: NIST SRM 674b"),
    "Au": Calibrant("F m -3 m", 4.0782, 4.0782, 90, "Maeland & Flanagan 1964, Can. J. Phys. 42, 2364"),
    "Ni": Calibrant("F m -3 m", 3.52387, 3.52387, 90, "Taylor 1950, J. Inst. Metals 77, 585"),
    "Al": Calibrant("F m -3 m", 4.0495, 4.0495, 90, "Witt 1967, Z. Naturforsch. A 22, 92"),
    "Pt": Calibrant("F m -3 m", 3.9231, 3.9231, 90, "Wyckoff 1963, Crystal Structures"),
    "NaCl": Calibrant("F m -3 m", 5.6401, 5.6401, 90, "Walker et al. 2004, Am. Mineral. 89, 204"),
}
"""Powder calibrants by name. Of SRM and years of one powder, constants differ by less than 1e-4, which no
image here tells apart; rounded to what they have in common."""


def calibrant(name: str) -> Calibrant:
    """The calibrant of this name, however it is capitalised; ConfigError for one that is not known."""
    return CALIBRANTS[calibrant_name(name)]


def calibrant_name(name: str) -> str:
    """The name as it is written here; ConfigError for one that is not known."""
    known = {key.lower(): key for key in CALIBRANTS}
    if name.lower() not in known:
        hint = near_match(name, CALIBRANTS)
        raise ConfigError(f"no calibrant is called '{name}'{hint}; there are {', '.join(CALIBRANTS)}")
    return known[name.lower()]


@dataclass(frozen=True)
class Assignment:
    """Which ring of the calibrant each ring is (-1: none), tan(2 theta) of them, and the distance in mm."""

    order: Int[np.ndarray, " k"]
    tangents: Float[np.ndarray, " n"]
    distance_mm: float


def assign_rings(
    radius_mm: Float[np.ndarray, " k"],
    width_mm: Float[np.ndarray, " k"],
    powder: Calibrant,
    wavelength: float,
    stated_mm: float,
    pixel_mm: float,
) -> Assignment | str:
    """Find the calibrant's rings among rings of `radius_mm` (of an untilted detector at any distance).

    `width_mm` are their standard deviations: where the calibrant's rings are too close to be told apart,
    what is seen of them counts neither for it nor against it. `stated_mm` is the distance that is looked
    about. Returns the reason where the rings are not the calibrant's, or can be read in more ways than one.
    """
    # 5 % beyond the outermost ring, by hand: its own ring must be in the list at any distance.
    farthest = np.arctan(np.array([radius_mm.max() * 1.05 / (stated_mm * (1.0 - REACH))]))
    s = powder.s(float(s_from_two_theta(farthest, wavelength)[0]))
    tangents = np.tan(2.0 * np.arcsin(s * wavelength / 2.0))
    if not len(tangents):
        return "its first ring would lie off the detector"
    candidates = (radius_mm[:, None] / tangents[None, :]).ravel()
    near = np.abs(np.log(candidates / stated_mm)) < np.log1p(REACH)
    readings = [
        _read(radius_mm, width_mm, tangents, float(d), stated_mm, TOLERANCE * pixel_mm)
        for d in np.unique(candidates[near])
    ]
    readings = sorted((r for r in readings if r), key=lambda r: -r[0])
    if not readings:
        return "no two rings fit at one distance"
    score, best, wanted, missing = readings[0]
    matched = int(np.count_nonzero(best.order >= 0))
    if matched < max(LEAST_SHARE * wanted, min(LEAST_RINGS, len(radius_mm))):
        return f"at most {matched} of {len(radius_mm)} rings fit at one distance"
    # By hand: weak ones may be missed, but where more are missing than seen the lattice is another one.
    if missing > matched + 2:
        return f"of the rings between the {matched} that fit, {missing} are missing"
    for other_score, other, _, _ in readings[1:]:
        apart = abs(np.log(other.distance_mm / best.distance_mm)) > SAME_DISTANCE
        if apart and other_score > score - MARGIN:
            return f"its rings fit at {best.distance_mm:.1f} mm and as well at {other.distance_mm:.1f} mm"
    return best


def _read(
    radius: np.ndarray,
    width: np.ndarray,
    tangents: np.ndarray,
    distance: float,
    stated: float,
    tolerance: float,
) -> tuple[float, Assignment, int, int] | None:
    """Score, assignment, rings that should fit at about this distance, rings missing; None without two."""
    order, miss, blended = np.full(len(radius), -1), np.zeros(0), np.zeros(len(radius), bool)
    # The distance from one ring, then from those that fit: by hand, twice is enough to settle.
    for _ in range(3):
        away = np.abs(radius[:, None] - distance * tangents[None, :])
        order, miss = np.argmin(away, axis=1), away.min(axis=1)
        blended = np.count_nonzero(away < (BLEND * width + tolerance)[:, None], axis=1) > 1
        for j in np.unique(order):
            same = np.flatnonzero(order == j)
            miss[same[same != same[np.argmin(miss[same])]]] = np.inf
        order = np.where((miss < tolerance) & ~blended, order, -1)
        seen = order >= 0
        if seen.sum() < 2:
            return None
        known = tangents[order[seen]]
        distance = float(known @ radius[seen] / (known @ known))
    seen = order >= 0
    between = (tangents > tangents[order[seen]].min()) & (tangents < tangents[order[seen]].max())
    there = np.abs(distance * tangents[:, None] - radius[None, :]) < BLEND * width + tolerance
    missing = np.count_nonzero(between & ~there.any(axis=1))
    quality = 1.0 - (miss[seen] / tolerance) ** 2
    unlikely = (np.log(distance / stated) / USUAL_ERROR) ** 2
    score = float(quality.sum() - MISSING * missing - 0.5 * unlikely)
    return score, Assignment(order, tangents, distance), int(np.count_nonzero(~blended)), int(missing)
