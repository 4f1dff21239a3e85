"""Molecular dynamics of a fibril: minimise, warm up, equilibrate until nothing drifts, then take frames."""

import logging
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from argand.errors import ArgandError, ConfigError
from argand.physics.fibre.equilibration import blocking, drift
from argand.physics.fibre.twist import DEG_PER_NM
from argand.progress import ProgressDisplay
from argand.system import to_config
from argand.systems.molmnist.ensemble.fluctuation import fibril_twist, upright
from argand.systems.molmnist.ensemble.force_field import (
    FibrilModel,
    ForceFieldName,
    Platform,
    Solvent,
    create_model,
    find_platform,
    openmm,
)
from argand.systems.molmnist.ensemble.trajectory import State, Trajectory
from argand.systems.molmnist.ensemble.twist_prior import twist_prior
from argand.systems.molmnist.fibril.fibril import LENGTH, Fibril, build_fibril

STEP_FS, FRICTION_PER_PS, PRESSURE_BAR = 4.0, 1.0, 1.0
"""Step of integration, friction of the Langevin thermostat, pressure of the barostat (water alone).

4 fs go with hydrogens of 3 u (Hopkins et al., J. Chem. Theory Comput. 11, 1864, 2015); friction and pressure
by hand: weak enough to leave slow motions alone, and that of a laboratory."""
WARM_UP_PS, WARM_UP_STAGES, COLD_K = 4.0, 8, 40.0
"""Length of the heating, its stages, and the temperature of the first. By hand, so that placed hydrogens and
fresh water do not blow up; how long is of no account, as equilibration follows."""
GAS_CONSTANT = 8.31446261815324e-3
"""kJ/(mol K); exact, as the SI of 2019 defines k and N_A."""
WATCHED = ("twist_deg_per_nm", "energy_kj_mol")
"""What must have stopped drifting before frames count as production."""
OF_ATOMS = ("atoms", "atoms_time_ps", "fibril_energy_kj_mol")
"""What a block has of the frames with all atoms alone."""

logger = logging.getLogger(__name__)


class NotStationaryError(ArgandError):
    """Twist or energy still drifts at the end of the time allowed for equilibration."""


@dataclass(frozen=True)
class Dynamics:
    """What is simulated. Times in ps, lengths in Å.

    Frames are `frame_ps` apart, with all atoms every `atoms_every`-th, in blocks of `block_ps`. Defaults by
    hand: frames far below the correlation time of the twist (60 ps of 300 frames have about 6 independent
    ones, benchmarks/molmnist_ensemble.py), atoms rarer for room on the disk, a block as what a stop may lose;
    10 Å of water keep a fibril from its image beyond the cut-off. ConfigError for what is not above zero, or
    for a block shorter than a frame.
    """

    fibril: str = "2x2"
    solvent: Solvent = "water"
    length: float = LENGTH
    padding: float = 10.0
    temperature_k: float = 300.0
    seed: int = 0
    frame_ps: float = 0.2
    atoms_every: int = 5
    block_ps: float = 5.0
    force_field: ForceFieldName = "glycam06"

    def __post_init__(self) -> None:
        if min(self.length, self.padding, self.temperature_k, self.frame_ps, self.block_ps) <= 0:
            raise ConfigError("lengths, times and the temperature of dynamics must be above zero")
        if self.block_ps < self.frame_ps:
            raise ConfigError("a block of frames must hold one frame or more")


class Run:
    """A run in a folder; `advance` goes on with what is there.

    Raises ConfigError where the folder holds another run, or the fibril is unknown.
    """

    def __init__(
        self, settings: Dynamics, folder: Path, platform: Platform = "auto", threads: int | None = None
    ) -> None:
        self.settings, self.threads = settings, threads
        self.platform: Platform = platform
        self.fibril: Fibril = build_fibril(settings.fibril, settings.length)
        self.trajectory = Trajectory(folder)
        # Folders from before there was a choice do not name the force field.
        self.trajectory.begin(to_config(settings), unnamed={"force_field": "glycam06"})

    @cached_property
    def model(self) -> FibrilModel:
        """Force field and start positions."""
        chosen = self.settings
        return create_model(self.fibril, chosen.solvent, chosen.padding, chosen.force_field)

    @cached_property
    def simulation(self) -> Any:
        """OpenMM's simulation, at the newest state or at the start."""
        mm = openmm()
        chosen = self.settings
        if chosen.solvent == "water":
            barostat = mm.MonteCarloBarostat(PRESSURE_BAR, chosen.temperature_k)
            barostat.setRandomNumberSeed(chosen.seed + 1)
            self.model.system.addForce(barostat)
        # OpenMM counts in nm and ps: hence Å x 0.1 and fs / 1000 from here on.
        integrator = mm.LangevinMiddleIntegrator(chosen.temperature_k, FRICTION_PER_PS, STEP_FS / 1000)
        state = self.trajectory.state()
        # A run that goes on must not repeat the random forces of its beginning.
        integrator.setRandomNumberSeed(1000 * chosen.seed + (state.blocks if state else 0) + 1)
        where = find_platform(self.platform, self.threads)
        simulation = mm.app.Simulation(self.model.topology, self.model.system, integrator, *where)
        if state is None:
            simulation.context.setPositions(self.model.cart * 0.1)
        else:
            if state.box is not None:
                simulation.context.setPeriodicBoxVectors(*(state.box * 0.1))
            simulation.context.setPositions(state.cart * 0.1)
            simulation.context.setVelocities(state.velocity * 0.1)
        return simulation

    @cached_property
    def _dry(self) -> Any:
        """OpenMM's context of the fibril without its water, for the energy that is its own."""
        mm, chosen = openmm(), self.settings
        system = create_model(self.fibril, "vacuum", chosen.padding, chosen.force_field).system
        where = find_platform(self.platform, self.threads)
        return mm.Context(system, mm.VerletIntegrator(STEP_FS / 1000), *where)

    def advance(
        self,
        production_ps: float,
        longest_equilibration_ps: float,
        window_ps: float = 50.0,
        quiet: bool = False,
    ) -> None:
        """Go on until there are `production_ps` of frames from after the drift over `window_ps` has ended.

        Raises NotStationaryError when it has not within `longest_equilibration_ps`, ConfigError for a window
        of less than two blocks. What is simulated stays, whatever stops the run. The default window is by
        hand, and short for the twist: on the way to 13.9 degrees/nm the 2x2 run of
        benchmarks/molmnist_ensemble.py passed 5 after 60 ps and 10 after 100 ps.
        """
        chosen = self.settings
        if window_ps < 2 * chosen.block_ps:
            raise ConfigError(
                f"drift cannot be measured over less than {2 * chosen.block_ps:g} ps; raise the window"
            )
        total = longest_equilibration_ps + production_ps
        if self._ps("production") < production_ps and self.trajectory.state() is None:
            self._warm_up()
        began, here = self._ps(None), 0.0
        with ProgressDisplay(f"dynamics {chosen.fibril}", "ps", begun=began / total, quiet=quiet) as display:
            while (phase := self._phase(longest_equilibration_ps, window_ps)) == "equilibration" or (
                self._ps(phase) < production_ps
            ):
                if phase == "production":
                    total = self._ps("equilibration") + production_ps
                started = time.perf_counter()
                try:
                    here += self._block(phase)
                except KeyboardInterrupt as interrupt:
                    kept = f"{self.trajectory.folder} has {began + here:g} ps; the same command goes on"
                    raise KeyboardInterrupt(kept) from interrupt
                # ps in a second to ns in a day.
                speed = 86.4 * chosen.block_ps / (time.perf_counter() - started)
                display.update(min((began + here) / total, 1.0), round(here), f"{phase}, {speed:.3g} ns/day")

    def summary(self) -> str:
        """One line on the twist after equilibration, beside what is known of it; a warning without water.

        The standard error is that of blocks (`blocking`). InputError where there are too few frames yet.
        """
        chosen = self.settings
        twist = self.trajectory.read("twist_deg_per_nm", phase="production")["twist_deg_per_nm"]
        blocks = blocking(twist)
        sure = "no plateau of block averages, so not converged"
        if blocks.plateau is not None:
            sure = f"blocks of {blocks.plateau * chosen.frame_ps:g} ps"
        found = f"twist {twist.mean():.2f} ± {blocks.standard_error:.2f} degrees/nm ({sure})"
        low, high = twist_prior(self.fibril.chains).interval(0.95)
        known = f"known for {self.fibril.chains} chains: {low:.1f} to {high:.1f}"
        beware = "" if chosen.solvent == "water" else ", which is not the twist in water"
        where = f"{chosen.fibril} in {chosen.solvent}, {chosen.force_field}, {self._ps('production'):g} ps"
        found += f", standard deviation {twist.std():.2f}{beware}; {known}"
        return f"{where}: {found}: {self.trajectory.folder}"

    def _ps(self, phase: str | None) -> float:
        """ps simulated so far in a phase, or in both."""
        return self.settings.block_ps * sum(phase in (None, done) for done in self.trajectory.phases())

    def _phase(self, longest_ps: float, window_ps: float) -> str:
        """Phase of the next block."""
        state = self.trajectory.state()
        if state is not None and (state.phase == "production" or self.is_stationary(window_ps)):
            return "production"
        if self._ps(None) >= longest_ps:
            where = self.trajectory.folder
            raise NotStationaryError(f"{where}: still drifts after {longest_ps:g} ps; allow more time")
        return "equilibration"

    def is_stationary(self, window_ps: float) -> bool:
        """Whether neither twist nor energy drifts over the last `window_ps` of the run."""
        frames = round(window_ps / self.settings.frame_ps)
        if self._ps(None) < window_ps:
            return False
        values = self.trajectory.read(*WATCHED)
        found = {name: drift(values[name][-frames:]) for name in WATCHED}
        for name, one in found.items():
            logger.info("%s: change %.3g ± %.2g over the window", name, one.change, one.error)
        return all(one.is_stationary() for one in found.values())

    def _warm_up(self) -> None:
        """Minimise and heat in stages."""
        logger.info("minimise %d atoms", len(self.model.cart))
        simulation, chosen = self.simulation, self.settings
        # By hand: enough to part what was placed too near; a minimum is not needed.
        simulation.minimizeEnergy(maxIterations=500)
        simulation.context.setVelocitiesToTemperature(COLD_K, chosen.seed + 1)
        for temperature in np.linspace(COLD_K, chosen.temperature_k, WARM_UP_STAGES):
            simulation.integrator.setTemperature(temperature)
            simulation.step(round(WARM_UP_PS / WARM_UP_STAGES * 1000 / STEP_FS))

    def _block(self, phase: str) -> float:
        """Simulate and write one block; its length in ps."""
        chosen, count = self.settings, round(self.settings.block_ps / self.settings.frame_ps)
        begin = self._ps(None)
        rows: dict[str, list[Any]] = {name: [] for name in ("time_ps", "energy_kj_mol", "temperature_k")}
        rows |= {name: [] for name in ("twist_deg_per_nm", "beads", *OF_ATOMS)}
        for frame in range(count):
            self.simulation.step(round(chosen.frame_ps * 1000 / STEP_FS))
            moment = begin + (frame + 1) * chosen.frame_ps
            self._measure(rows, moment, (frame + 1) % chosen.atoms_every == 0)
        frames = {name: np.asarray(values, float) for name, values in rows.items()}
        for name, points in (("beads", self.fibril.glucose[-1] + 1), ("atoms", len(self.fibril))):
            frames[name] = frames[name].astype(np.float32).reshape(-1, points, 3)
        self.trajectory.append(frames, phase, self._state(phase))
        return chosen.block_ps

    def _measure(self, rows: dict[str, list[Any]], moment: float, with_atoms: bool) -> None:
        """Add one frame to the rows of a block."""
        unit = openmm().unit
        state = self.simulation.context.getState(positions=True, energy=True)
        cart = state.getPositions(asNumpy=True).value_in_unit(unit.angstrom)[: len(self.fibril)]
        beads = self.fibril.beads(cart)
        rotation, shift = upright(self.fibril, beads)
        beads = beads @ rotation.T + shift
        rows["time_ps"].append(moment)
        rows["energy_kj_mol"].append(state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole))
        rows["temperature_k"].append(self._temperature(state))
        rows["twist_deg_per_nm"].append(DEG_PER_NM * fibril_twist(self.fibril, beads))
        rows["beads"].append(beads)
        if with_atoms:
            rows["atoms"].append(cart @ rotation.T + shift)
            rows["atoms_time_ps"].append(moment)
            if self.settings.solvent == "water":
                self._dry.setPositions(cart * 0.1)
                state = self._dry.getState(energy=True)
            own = state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole)
            rows["fibril_energy_kj_mol"].append(own)

    def _temperature(self, state: Any) -> float:
        """Temperature in K of the moving degrees of freedom."""
        unit = openmm().unit
        system = self.model.system
        free = 3 * system.getNumParticles() - system.getNumConstraints()
        kinetic = state.getKineticEnergy().value_in_unit(unit.kilojoule_per_mole)
        return 2 * kinetic / (free * GAS_CONSTANT)

    def _state(self, phase: str) -> State:
        """The state of the simulation after a block of this phase, which is still to be written."""
        unit = openmm().unit
        state = self.simulation.context.getState(positions=True, velocities=True)
        known = self.trajectory.state()
        wet = self.settings.solvent == "water"
        return State(
            (known.blocks if known else 0) + 1,
            phase,
            state.getPositions(asNumpy=True).value_in_unit(unit.angstrom),
            state.getVelocities(asNumpy=True).value_in_unit(unit.angstrom / unit.picosecond),
            state.getPeriodicBoxVectors(asNumpy=True).value_in_unit(unit.angstrom) if wet else None,
        )
