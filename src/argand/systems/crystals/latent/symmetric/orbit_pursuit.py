"""Orbits of atoms from independent coefficients: matching pursuit that adds all images of a peak at once.

Peaks of the residual map are put on the sites that they are near, which leaves few coordinates free; these
are refined by least squares (Levenberg and Marquardt) on the independent coefficients alone. How many atoms
and orbits there are is known. Orbits that the residual does not want leave again, as in
`argand.physics.crystal.matching_pursuit`, of which this is the symmetric form.
"""

import time
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from argand.physics.crystal.matching_pursuit import CONVERGED, Pursuit
from argand.systems.crystals.latent.symmetric.orbit import ON_SITE, Site, site_of, sites_of
from argand.systems.crystals.latent.symmetric.setting import Setting
from argand.systems.crystals.latent.symmetric.stars import Stars
from argand.typing import Matrix3, Points3

_PEAKS = 20
"""Peaks looked at for a place of the next orbit. By hand: beyond them there is noise."""
_REACHES = (ON_SITE, 0.6, 1.0)
"""Å; a peak may stand for any of the sites within these: the map's grid is coarse, and peaks of two atoms
merge. By hand."""
_STEPS, _FINAL_STEPS = 4, 40
"""Steps of a refinement between additions, and at the end. By hand, for speed."""
_OVERLAP = 0.6
"""Å; a new orbit is farther than this from all atoms that are there. By hand, below the bond of H2, 0.74."""
_CHANCE = (0.15, 0.5)
"""What chance adds to the heights of peaks in restarts, little and much in turn: a wrong first site of a
short list is seldom the least supported one. By hand."""
_LEAVING = 1.2
"""Scale of how many orbits leave beyond one. By hand, as in `matching_pursuit`."""
_FRESH, _NEW_START = 0.3, 0.15
"""Fraction of restarts that begin from the last orbits in place of the best, as there, and share that begin
from none. By hand."""
_MANY = 100
"""Orbits beyond which, as where there is no symmetry, atoms are sought one by one: adding orbit after orbit
takes too long. By hand; 79 orbits of 158 atoms take seconds."""
_RANDOM = 60
"""Random places looked at where no peak is near a site that may be. By hand, for speed."""
_NOISE_MISFIT, _PATIENCE = 0.05, 10
"""Below this misfit so many restarts without gain show that noise is left. By hand; vectors with noise are
measured by benchmarks/crystals_short.py."""


@dataclass(frozen=True)
class Orbits:
    """Sites found, and the squared misfit of the coefficients relative to that of atoms at random."""

    sites: tuple[Site, ...]
    misfit: float

    @property
    def atoms(self) -> int:
        """Atoms of all orbits."""
        return sum(site.atoms for site in self.sites)


class OrbitPursuit:
    """The search for `orbits` orbits of `count` atoms in all, whose coefficients at the stars are `observed`.

    `lattice` has the primitive vectors in Å as rows; coefficients are Σ exp(2πi h·x) over the primitive cell;
    `seconds` of this thread's own time.
    """

    def __init__(
        self,
        setting: Setting,
        lattice: Matrix3,
        stars: Stars,
        observed: Complex[np.ndarray, " star"],
        count: int,
        orbits: int,
        seconds: float = float("inf"),
    ) -> None:
        self._end = time.thread_time() + seconds
        self._rng = np.random.default_rng(0)
        self._setting, self._lattice, self._stars = setting, lattice, stars
        self._count, self._orbits, self._chance = count, orbits, 0.0
        self._turned = np.einsum("ni,gij->ngj", stars.hkl, setting.rotations).astype(float)
        self._turns = stars.hkl @ setting.translations.T
        self._observed = observed / stars.root
        hkl, values = stars.expanded(setting, observed)
        lengths = np.linalg.norm(stars.hkl @ np.linalg.inv(lattice).T, axis=1)
        taper = np.exp(-((lengths / lengths.max()) ** 2))
        # Operators that keep h sum its image so often.
        self._taper = taper / (taper * len(setting.rotations) / stars.root**2).sum()
        self._map = Pursuit(lattice, hkl, values, count, seconds)

    def solve(self, tries: int) -> Orbits:
        """The orbits, after at most `tries` restarts; the best ones met where none explain all."""
        if self._orbits > _MANY or len(self._setting.rotations) == 1:
            return self._snapped(self._map.solve(tries).frac)
        best = last = self._grown(())
        idle = 0
        for number in range(tries):
            is_noise = best.misfit < _NOISE_MISFIT and idle >= _PATIENCE
            if best.misfit < CONVERGED or is_noise or time.thread_time() > self._end:
                break
            self._chance = _CHANCE[number % 2]
            last = self._repaired(best if self._rng.random() > _FRESH else last)
            # By hand: one per cent of the misfit is a gain.
            idle = 0 if last.misfit < 0.99 * best.misfit else idle + 1
            if last.misfit < best.misfit or not best.sites:
                best = last
        return best

    def _snapped(self, places: Points3) -> Orbits:
        """The orbits of atoms that were sought one by one, on exact sites and refined."""
        sites: tuple[Site, ...] = ()
        for place in places:
            sites += tuple(self._apart([site_of(self._setting, self._lattice, place)], sites))
            if len(sites) == self._orbits:
                break
        sites, misfit = self._refined(sites, _STEPS)
        return Orbits(sites, misfit if sum(site.atoms for site in sites) == self._count else float("inf"))

    def _repaired(self, found: Orbits) -> Orbits:
        """The orbits without some, mostly those of little support, or none of them, and grown again."""
        size = len(found.sites)
        if not size or self._rng.random() < _NEW_START:
            return self._grown(())
        leaving = min(1 + int(self._rng.exponential(_LEAVING)), size)
        order = np.argsort(self._support(found.sites) + self._chance * self._rng.standard_normal(size))
        return self._grown(tuple(found.sites[k] for k in sorted(order[leaving:])))

    def _grown(self, sites: tuple[Site, ...]) -> Orbits:
        """Orbits added until all atoms are there, refined in between; infinite misfit where none fit."""
        while len(sites) < self._orbits:
            added = self._next(sites)
            if added is None or time.thread_time() > self._end:
                return Orbits(sites, float("inf"))
            sites = self._refined((*sites, added), _STEPS)[0]
        return Orbits(*self._refined(sites, _FINAL_STEPS))

    def _next(self, sites: tuple[Site, ...]) -> Site | None:
        """The site on which the map is highest, whose orbit leaves as many atoms as the other orbits need.

        Where no peak is near such a site, random places may be.
        """
        residual = self._residual(sites)
        _, values = self._stars.expanded(self._setting, residual * self._stars.root)
        peaks, _ = self._map.peaks(values, _PEAKS)
        choice = self._fitting(peaks, sites) or self._fitting(self._rng.random((_RANDOM, 3)), sites)
        if not choice:
            return None
        heights = self._heights(residual, np.array([site.place for site in choice]))
        return choice[int((heights + self._chance * self._rng.standard_normal(len(heights))).argmax())]

    def _fitting(self, places: Points3, sites: tuple[Site, ...]) -> list[Site]:
        """Sites near some places, each once, with a number of atoms that may be, away from those there."""
        left = self._count - sum(site.atoms for site in sites)
        others = self._orbits - len(sites) - 1
        found: dict[tuple[float, ...], Site] = {}
        tried = [sites_of(self._setting, self._lattice, places, reach) for reach in _REACHES]
        for one in zip(*tried, strict=True):
            for site in one:
                if site.atoms == left if others == 0 else site.atoms <= left - others:
                    found.setdefault(tuple(np.round(site.place % 1.0, 3)), site)
        return self._apart(list(found.values()), sites)

    def _apart(self, choice: list[Site], sites: tuple[Site, ...]) -> list[Site]:
        """The sites that are not on an atom which is there."""
        if not sites or not choice:
            return choice
        setting = self._setting
        images = np.concatenate([setting.rotations @ one.place + setting.translations for one in sites])
        apart = np.array([one.place for one in choice])[:, None] - images
        apart -= np.rint(apart)
        nearest = np.linalg.norm(apart @ self._lattice, axis=-1).min(1)
        return [one for one, distance in zip(choice, nearest, strict=True) if distance > _OVERLAP]

    def _heights(
        self, residual: Complex[np.ndarray, " star"], places: Points3
    ) -> Float[np.ndarray, " place"]:
        """The residual's map at some places, 1 for an atom alone."""
        wave = self._waves(places).sum(1)
        weight = self._taper / self._stars.root
        return ((np.conj(residual) * weight) @ wave).real

    def _waves(self, places: Points3) -> Complex[np.ndarray, "star g orbit"]:
        return np.exp(2j * np.pi * (self._turned @ places.T + self._turns[:, :, None]))

    def _shares(self, sites: tuple[Site, ...]) -> Float[np.ndarray, " orbit"]:
        """Atoms of each orbit over the operators, each of which gives an image."""
        return np.array([site.atoms for site in sites]) / len(self._setting.rotations)

    def sums(self, sites: tuple[Site, ...], stars: Stars) -> Complex[np.ndarray, "star orbit"]:
        """Σ exp(2πi h·x) over the atoms of each orbit at (as many first) stars."""
        places = np.array([site.place for site in sites])
        turned = np.einsum("ni,gij->ngj", stars.hkl, self._setting.rotations)
        turns = stars.hkl @ self._setting.translations.T
        wave = np.exp(2j * np.pi * (turned @ places.T + turns[:, :, None]))
        return wave.sum(1) * self._shares(sites)

    def _residual(self, sites: tuple[Site, ...]) -> Complex[np.ndarray, " star"]:
        if not sites:
            return self._observed
        wave = self._waves(np.array([site.place for site in sites])).sum(1)
        return self._observed - wave @ self._shares(sites) / self._stars.root

    def _support(self, sites: tuple[Site, ...]) -> Float[np.ndarray, " orbit"]:
        """What the residual says at each orbit: negative where it does not belong."""
        wave = self._waves(np.array([site.place for site in sites])).sum(1) * self._shares(sites)
        wave /= self._stars.root[:, None]
        scale = np.maximum((np.abs(wave) ** 2).sum(0), 1e-9)
        return (self._residual(sites) @ np.conj(wave)).real / scale

    def normal(self, sites: tuple[Site, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Normal matrix, right-hand side and residual of the free coordinates, orbit after orbit."""
        places = np.array([site.place for site in sites])
        wave = self._waves(places) * self._shares(sites)
        residual = self._observed - wave.sum((1, 2)) / self._stars.root
        slope = 2j * np.pi * np.einsum("sgk,sgx->skx", wave, self._turned) / self._stars.root[:, None, None]
        columns = [slope[:, k] @ site.free.T for k, site in enumerate(sites)]
        slope = np.concatenate(columns, axis=1)
        stacked = np.concatenate([np.real(slope), np.imag(slope)])
        return stacked.T @ stacked, np.concatenate([residual.real, residual.imag]) @ stacked, residual

    def _refined(self, sites: tuple[Site, ...], steps: int) -> tuple[tuple[Site, ...], float]:
        """Places of least squares near those given, and their misfit."""
        matrix, right, residual = self.normal(sites)
        misfit = float(np.vdot(residual, residual).real) / (self._count * len(residual))
        damping = 1e-3
        for _ in range(steps if len(right) else 0):
            diagonal = np.diag(matrix)
            damped = matrix + np.diag(damping * diagonal + 1e-9 * diagonal.mean() + 1e-12)
            trial = _moved(sites, np.linalg.solve(damped, right))
            new_matrix, new_right, residual = self.normal(trial)
            new = float(np.vdot(residual, residual).real) / (self._count * len(residual))
            if new >= misfit:
                # By hand, as the factors below: much stiffer after no gain, easier after one.
                damping *= 10
                if damping > 1e4:
                    break
                continue
            settled = misfit - new < 1e-3 * misfit or new < 1e-14
            sites, matrix, right, misfit, damping = trial, new_matrix, new_right, new, max(damping / 8, 1e-9)
            if settled:
                break
        return sites, misfit


def _moved(sites: tuple[Site, ...], shifts: Float[np.ndarray, " coordinate"]) -> tuple[Site, ...]:
    """Sites moved along their free directions."""
    moved, start = [], 0
    for site in sites:
        end = start + len(site.free)
        moved.append(Site(site.place + shifts[start:end] @ site.free, site.free, site.atoms))
        start = end
    return tuple(moved)
