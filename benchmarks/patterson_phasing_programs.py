"""Other programs that phase crystals: smtbx's charge flipping and grok-phase-solver.

Both work without symmetry. They get the merged data that our own solver gets, the second as the whole sphere.
"""

try:
    import boost_adaptbx.boost.python  # noqa: F401 - before gemmi and torch, or cctbx crashes as it loads
except ImportError as error:
    raise SystemExit(f"{error}: pip install cctbx-base (the extra bench)") from error

import time
from dataclasses import dataclass
from typing import Protocol

import gemmi
import numpy as np
from cctbx import crystal as cctbx_crystal
from cctbx import maptbx, miller, sgtbx
from cctbx.array_family import flex
from jaxtyping import Complex, Float
from smtbx.ab_initio import charge_flipping

from argand.physics.crystal.atom import is_hydrogen
from argand.physics.crystal.symmetry import Group
from argand.systems.patterson.solution.reflections import CrystalData
from argand.typing import Miller, Points3

HEALTHY = 0.70
"""From this figure of merit grok-phase-solver calls a map healthy (its `next_action`)."""
_ITERATIONS = 120
"""Iterations of a trial of grok-phase-solver: the default of `gps-solve`."""
_LENGTHS = (500, 500, 750, 1125, 1687)
"""Iterations of smtbx's restarts."""
_SHORTEST = 1.0


@dataclass(frozen=True)
class Attempt:
    """Phased structure factors, in the group at its origin or, where `free`, without symmetry; own atoms.

    `frac` are the positions of the atoms that the program itself finds, in the group or in P 1 likewise; None
    where it gives none. `merit` is the program's figure of merit, `claimed` whether it says solved.
    """

    hkl: Miller
    factors: Complex[np.ndarray, " n"]
    free: bool
    frac: Points3 | None
    merit: float
    claimed: bool

    @property
    def rank(self) -> tuple[bool, float]:
        """The larger, the better, according to the program."""
        return self.claimed, self.merit


class Opponent(Protocol):
    """A program at work on one crystal."""

    def attempt(self, number: int, seconds: float) -> Attempt:
        """What try `number` ends with, which is given up after so many seconds of this process."""
        ...


class ChargeFlipping:
    """smtbx's charge flipping; trials on E from the contents, on quasi-E and on F alternate.

    Each trial starts anew with the iterations that its own restarts would have: these fail under Python 3 at
    the third, as its number of iterations is then no integer.
    """

    def __init__(self, crystal: CrystalData) -> None:
        self.crystal = crystal
        hall = gemmi.find_spacegroup_by_name(crystal.group.name).hall
        self.symmetry = cctbx_crystal.symmetry(unit_cell=crystal.cell, space_group=sgtbx.space_group(hall))
        data = crystal.observed
        indices = flex.miller_index([tuple(map(int, index)) for index in data.hkl])
        amplitudes = flex.double(np.sqrt(np.clip(data.intensity, 0.0, None)))
        measured = miller.set(self.symmetry, indices, anomalous_flag=False)
        self.amplitudes = miller.array(measured, amplitudes).set_observation_type_xray_amplitude()
        self.kinds = self._kinds()

    def attempt(self, number: int, seconds: float) -> Attempt:
        """One run to its phase transition and polished map, or to the end of its iterations."""
        flex.set_random_seed(number)
        stop = time.process_time() + seconds
        solving = charge_flipping.solving_iterator(
            charge_flipping.weak_reflection_improved_iterator(delta=None),
            self.amplitudes,
            yield_during_delta_guessing=True,
            max_solving_iterations=_LENGTHS[number // len(self.kinds) % len(_LENGTHS)],
            max_attempts_to_get_phase_transition=1,
            max_attempts_to_get_sharp_correlation_map=1,
            **self.kinds[number % len(self.kinds)],
        )
        flipping = solving.flipping_iterator
        for _ in solving:
            if solving.state is solving.finished or time.process_time() > stop:
                break
        merit = float(flipping.rho_map.skewness())
        for factors, _, _ in solving.f_calc_solutions[:1]:
            return Attempt(*_as_arrays(factors), False, self._peaks(factors), merit, True)
        return Attempt(*_as_arrays(flipping.f_calc), True, None, merit, False)

    def _kinds(self) -> list[dict]:
        """Arguments of E, quasi-E and F; without those that so few reflections do not allow."""
        content = {k: n for k, n in (self.crystal.cell_content or {}).items() if not is_hydrogen(k)}
        whole = self.amplitudes.expand_to_p1()
        kinds: list[dict] = []
        for norm in (
            lambda data: data.amplitude_normalisations(content),
            charge_flipping.amplitude_quasi_normalisations,
        ):
            try:
                norm(whole)
            except (AssertionError, RuntimeError):
                continue
            kinds.append({"normalisations_for": norm})
        return [*kinds, {}]

    def _peaks(self, factors: miller.array) -> Points3:
        """As many of the map's highest peaks as there are atoms, by cctbx's own search."""
        parameters = maptbx.peak_search_parameters(
            interpolate=True,
            min_distance_sym_equiv=_SHORTEST,
            min_cross_distance=_SHORTEST,
            max_clusters=int(1.5 * self.crystal.atoms * 4) + 10,
        )
        density = factors.fft_map(symmetry_flags=maptbx.use_space_group_symmetry)
        sites = density.peak_search(parameters, verify_symmetry=False).all().sites()
        settings = self.symmetry.special_position_settings(min_distance_sym_equiv=_SHORTEST)
        counts = [1 / settings.site_symmetry(site).n_matrices() for site in sites]
        kept = int(np.searchsorted(np.cumsum(counts), self.crystal.atoms + 0.01, side="right"))
        return np.array(list(sites), float).reshape(-1, 3)[: max(kept, 1)]


def _as_arrays(factors: miller.array) -> tuple[Miller, Complex[np.ndarray, " n"]]:
    return np.array(list(factors.indices()), int), np.array(list(factors.data()), complex)


class GrokPhaseSolver:
    """Trials of grok-phase-solver's default `ensemble`: charge flipping and RAAR in turn, new seeds each."""

    def __init__(self, crystal: CrystalData) -> None:
        self.crystal = crystal
        # Not installed where smtbx alone is asked for.
        try:
            from grok_phase_solver.pipeline.peaks import pick_density_peaks
            from grok_phase_solver.solvers.charge_flipping import charge_flipping_solve
            from grok_phase_solver.solvers.free_fom import free_fom
            from grok_phase_solver.solvers.iterative_retrieval import raar_solve
        except ImportError as error:
            raise SystemExit(f"{error}: pip install grok-phase-solver (the extra bench)") from error
        self.runs = charge_flipping_solve, raar_solve
        self.merit_of, self.peaks_of = free_fom, pick_density_peaks
        self.cell = np.array(crystal.cell, float)
        self.hkl, self.amplitudes = whole_sphere(crystal)

    def attempt(self, number: int, seconds: float) -> Attempt:
        """One trial; it cannot be stopped and may go beyond its time."""
        run = self.runs[number % 2]
        phases, density, _ = run(self.hkl, self.amplitudes, self.cell, n_iter=_ITERATIONS, seed=number)
        merits = self.merit_of(self.hkl, self.amplitudes, phases, self.cell, density=density)
        merit = float(merits["composite"])
        wanted = round(self.crystal.atoms * self.crystal.group.order)
        peaks = self.peaks_of(density, n_peaks=wanted)
        frac = np.array([peak.fract for peak in peaks], float).reshape(-1, 3)
        factors = self.amplitudes * np.exp(1j * phases)
        return Attempt(self.hkl, factors, True, frac if len(frac) else None, merit, merit >= HEALTHY)


def whole_sphere(crystal: CrystalData) -> tuple[Miller, Float[np.ndarray, " n"]]:
    """One of each Friedel pair of all equivalents of the unique reflections, and their amplitudes."""
    data = crystal.observed
    images = crystal.group.equivalents(data.hkl)
    hkl = Group.from_name("P -1").representative(images.reshape(-1, 3))
    amplitudes = np.tile(np.sqrt(np.clip(data.intensity, 0.0, None)), len(images))
    unique, first = np.unique(hkl, axis=0, return_index=True)
    return unique, amplitudes[first]


OPPONENTS = {"smtbx": ChargeFlipping, "grok-phase-solver": GrokPhaseSolver}
