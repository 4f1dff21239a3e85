"""Powder calibrants by name: their rings, and the assignment of the rings of an image.

The spacings follow from the lattice and its reflection conditions. Assignment and distance are determined
together: the innermost rings may be behind the beam stop, and the given distance may be wrong by some per
cent.
"""

from dataclasses import dataclass

import gemmi
import numpy as np
from jaxtyping import Float, Int

from argand.errors import ConfigError
from argand.physics.still.scattering import s_from_two_theta
from argand.system import near_match

REACH = 0.25
"""Largest relative error of the given distance. By hand: larger ones mean another setting of the detector,
and from 4/3 on orders of a lamellar calibrant match one another."""
TOLERANCE = 1.0
"""Largest distance of a ring from that of the calibrant, in px. By hand: many times the error of a
ring's mean radius, and a fraction of the distance between rings."""
BLEND = 3.0
"""Distance in standard deviations below which rings are not resolved. By hand: two Gaussians closer than that
have one maximum or shift each other."""
USUAL_ERROR, SAME_DISTANCE = 0.1, 0.005
"""Usual relative error of a given distance, which decides between assignments that fit equally well, and the
least relative difference between distances of different assignments. By hand."""
MISSING = 0.3
"""Penalty of a missing ring between two seen ones, relative to the score of a matched ring. By hand: weak
rings are often missed, but a dense enough list of rings matches anything."""
MARGIN, LEAST_SHARE, LEAST_RINGS = 0.9, 0.75, 3
"""Least lead of the best assignment over the next one, in rings; least share and least number of the seen
rings that must be the calibrant's. By hand: the rest may come from a window, or be the rim of a beam stop."""


@dataclass(frozen=True)
class Calibrant:
    """A powder with known spacings: space group and cell (a, b, c in Å, gamma in degrees).

    Without a space group it is lamellar, with rings at c/n. `source` is the source of the lattice constants.
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
        # Rings of equal s, such as 333 and 511, coincide; 1e-7 allows for rounding.
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
"""Powder calibrants by name. Lattice constants of different SRM certificates of one powder differ by less
than 1e-4, which no image here resolves; rounded to their common digits."""


def calibrant(name: str) -> Calibrant:
    """The calibrant of this name, in upper or lower case; ConfigError for an unknown one."""
    return CALIBRANTS[calibrant_name(name)]


def calibrant_name(name: str) -> str:
    """The canonical spelling of the name; ConfigError for an unknown calibrant."""
    known = {key.lower(): key for key in CALIBRANTS}
    if name.lower() not in known:
        hint = near_match(name, CALIBRANTS)
        raise ConfigError(f"unknown calibrant '{name}'{hint}; choose from {', '.join(CALIBRANTS)}")
    return known[name.lower()]


@dataclass(frozen=True)
class Assignment:
    """The calibrant's ring for each ring (-1: none), their tan(2 theta), and the distance in mm."""

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
    """Assign calibrant rings to observed rings of `radius_mm` (for an untilted detector at any distance).

    `width_mm` are their standard deviations: unresolved rings of the calibrant are not counted. `stated_mm`
    is the given distance. Returns the reason if the rings are not the calibrant's, or if the assignment is
    ambiguous.
    """
    # 5 % beyond the outermost ring, set by hand: its calibrant ring must be in the list at any distance.
    farthest = np.arctan(np.array([radius_mm.max() * 1.05 / (stated_mm * (1.0 - REACH))]))
    s = powder.s(float(s_from_two_theta(farthest, wavelength)[0]))
    tangents = np.tan(2.0 * np.arcsin(s * wavelength / 2.0))
    if not len(tangents):
        return "its first ring would fall outside the detector"
    candidates = (radius_mm[:, None] / tangents[None, :]).ravel()
    near = np.abs(np.log(candidates / stated_mm)) < np.log1p(REACH)
    readings = [
        _read(radius_mm, width_mm, tangents, float(d), stated_mm, TOLERANCE * pixel_mm)
        for d in np.unique(candidates[near])
    ]
    readings = sorted((r for r in readings if r), key=lambda r: -r[0])
    if not readings:
        return "no two rings fit at the same distance"
    score, best, wanted, missing = readings[0]
    matched = int(np.count_nonzero(best.order >= 0))
    if matched < max(LEAST_SHARE * wanted, min(LEAST_RINGS, len(radius_mm))):
        return f"at most {matched} of {len(radius_mm)} rings fit at the same distance"
    # Set by hand: weak rings may be missed, but if more are missing than observed, the lattice is a different
    # one.
    if missing > matched + 2:
        return f"{missing} rings are missing between the {matched} that fit"
    for other_score, other, _, _ in readings[1:]:
        apart = abs(np.log(other.distance_mm / best.distance_mm)) > SAME_DISTANCE
        if apart and other_score > score - MARGIN:
            return f"its rings fit equally well at {best.distance_mm:.1f} mm and {other.distance_mm:.1f} mm"
    return best


def _read(
    radius: np.ndarray,
    width: np.ndarray,
    tangents: np.ndarray,
    distance: float,
    stated: float,
    tolerance: float,
) -> tuple[float, Assignment, int, int] | None:
    """Score, assignment, rings expected near this distance, missing rings; None for fewer than two."""
    order, miss, blended = np.full(len(radius), -1), np.zeros(0), np.zeros(len(radius), bool)
    # The distance from one ring, then from those that fit: set by hand, two rounds converge.
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
