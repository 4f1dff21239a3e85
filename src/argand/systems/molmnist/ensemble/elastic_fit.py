"""The elastic network's parameters from runs of molecular dynamics, and how well a network matches a run."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import nnls
from scipy.stats import ks_2samp

from argand.errors import InputError
from argand.physics.fibre.equilibration import statistical_inefficiency
from argand.physics.fibre.twist import DEG_PER_NM, superposition, twisted
from argand.systems.molmnist.ensemble.elastic_ensemble import (
    EnsembleParameters,
    ModeEnsemble,
    read_parameters,
    times_less_twisted,
)
from argand.systems.molmnist.ensemble.fluctuation import by_layer, fibril_twist, inner, sections
from argand.systems.molmnist.ensemble.log_sums import LOG_SUMS, log_sums
from argand.systems.molmnist.ensemble.md_ensemble import FrameEnsemble
from argand.systems.molmnist.ensemble.trajectory import Trajectory
from argand.systems.molmnist.fibril.fibril import Fibril, build_fibril
from argand.systems.molmnist.simulate import Imaging, Scene, measure

DRAWS = 400
"""Variants beside a run. By hand: they add less than 2 % to the scatter of a run's few independent frames (13
at most), and `ks_by_chance` counts them in."""
MATCHED, NEWTON = 100, 5
"""Variants whose log-sums are matched, and Newton steps. By hand: the draws are the same in each step, so the
steps converge on them; neither number was measured."""
_STEPS = (0.02, 0.05)
"""Of swelling (Å) and disorder, over which slopes are taken. By hand."""
_RANGE = ((-0.5, 0.5), (1.0, 5.0))
"""Least and largest swelling (Å) and disorder, by hand; as np.clip wants them: the lows, then the highs."""
_KS_95 = 1.358
"""Asymptotic 95 % point of the Kolmogorov-Smirnov statistic, times the root of the number of values: the root
of ln(2 / 0.05) / 2, the first term of Kolmogorov's series."""


@dataclass(frozen=True)
class Observation:
    """What a run tells: twist (degrees/nm), its error and deviation; fluctuation of a bead (Å, rms).

    `independent` is how many of its frames are independent as far as the twist goes.
    """

    folder: str
    fibril: str
    solvent: str
    force_field: str
    length: float
    ps: float
    frames: int
    independent: float
    twist: float
    twist_error: float
    twist_sd: float
    bead_rms: float

    @property
    def built(self) -> Fibril:
        """The fibril at its own length."""
        return build_fibril(self.fibril, self.length)


def observe(folder: Path) -> Observation:
    """Twist and fluctuation over the production of a run; InputError where there is none yet."""
    trajectory = Trajectory(folder)
    settings = trajectory.settings
    found = trajectory.read("twist_deg_per_nm", "beads", phase="production")
    twist = found["twist_deg_per_nm"]
    independent = len(twist) / statistical_inefficiency(twist)
    fibril = build_fibril(settings["fibril"], settings["length"])
    return Observation(
        str(folder),
        fibril.name,
        settings["solvent"],
        # Folders from before there was a choice do not name it.
        settings.get("force_field", "glycam06"),
        settings["length"],
        round(len(twist) * settings["frame_ps"], 6),
        len(twist),
        independent,
        float(twist.mean()),
        float(twist.std() / np.sqrt(independent)),
        float(twist.std()),
        bead_rms(fibril, found["beads"].astype(float)),
    )


def bead_rms(fibril: Fibril, beads: np.ndarray) -> float:
    """Root mean square distance in Å of beads [frame, glucose, 3] from their mean.

    Each frame is first twisted to the mean twist and laid on the others; the ends are left out. Three rounds
    of laying on the mean are by hand: from the first frame on, the mean moves less each time.
    """
    rates = np.array([fibril_twist(fibril, frame) for frame in beads])
    level = np.stack([twisted(frame, rates.mean() - rate) for frame, rate in zip(beads, rates, strict=True)])
    mean = level[0]
    for _ in range(3):
        moves = [superposition(frame, mean) for frame in level]
        laid = np.stack([frame @ r.T + t for frame, (r, t) in zip(level, moves, strict=True)])
        mean = laid.mean(0)
    away = np.stack([by_layer(fibril, frame - mean)[inner(fibril)] for frame in laid])
    return float(np.sqrt((away**2).sum(-1).mean()))


def fit(folders: Sequence[Path], start: EnsembleParameters | None = None) -> EnsembleParameters:
    """Parameters that match twist, its fluctuation, the beads' fluctuation and the mean log-sums of runs.

    Twists are averaged as logarithms, deviations plainly. Each run is matched by a network of its own length.
    One run fixes all but `own_stiffness_chains` and `glucose_rms`; runs of fibrils of unlike size fix these
    too. InputError where a run has no frames, or does not twist to the right, or where thicker fibrils do not
    twist less.
    """
    seen = [observe(Path(folder)) for folder in folders]
    for one in seen:
        if one.twist <= 0:
            raise InputError(
                f"{one.folder}: twists by {one.twist:.2f} degrees/nm, not to the right; leave this run out"
            )
    start = start or read_parameters()
    chains, twist = np.array([one.built.chains for one in seen]), np.array([one.twist for one in seen])
    unlike = bool(np.ptp(chains) > 0)
    own = _own_stiffness(chains, twist) if unlike else start.own_stiffness_chains
    found = replace(start, own_stiffness_chains=round(own, 4), twist_sd_2x2_deg_per_nm=1.0)
    less = [times_less_twisted(n, found.own_stiffness_chains) for n in chains.tolist()]
    unit = [DEG_PER_NM * found.twist_deviation(one.built.chains, sections(one.built)) for one in seen]
    source = "; ".join(
        f"{one.fibril} {one.solvent} {one.length:g} Å, {one.frames} frames ({one.force_field})"
        for one in seen
    )
    found = replace(
        found,
        twist_2x2_deg_per_nm=round(float(np.exp(np.log(twist * less).mean())), 4),
        twist_sd_2x2_deg_per_nm=round(float(np.mean([one.twist_sd for one in seen] / np.array(unit))), 4),
        source=f"fitted to molecular dynamics: {source}",
    )
    wanted = [_log_sums(FrameEnsemble(Path(one.folder), one.length).cart, one.built).mean(0) for one in seen]
    return _matched(seen, np.array(wanted), replace(_sprung(seen, found, unlike), swelling=0.0, disorder=1.0))


def _own_stiffness(chains: Int[np.ndarray, " run"], twist: Float[np.ndarray, " run"]) -> float:
    """m of twist ~ 1 / (n + m), by least squares on 1 / twist, which is linear in n; not below zero."""
    slope, level = np.polyfit(chains, 1 / twist, 1)
    if slope <= 0:
        raise InputError("the runs of thicker fibrils do not twist less; continue them")
    return max(float(level / slope), 0.0)


def _matched(
    seen: Sequence[Observation], wanted: Float[np.ndarray, "run 2"], start: EnsembleParameters
) -> EnsembleParameters:
    """Swelling and disorder with which the mean log-sums are those of the runs, by Newton's method.

    The swelling governs the sum at low q, the disorder that at high q.
    """
    place = np.array([start.swelling, start.disorder])
    for _ in range(NEWTON):
        here, *steps = (
            np.mean(
                [_mean_sums(one, start, place + step) - own for one, own in zip(seen, wanted, strict=True)], 0
            )
            for step in (np.zeros(2), *np.diag(_STEPS))
        )
        slopes = np.column_stack([(there - here) / step for there, step in zip(steps, _STEPS, strict=True)])
        place = np.clip(place - np.linalg.solve(slopes, here), *_RANGE)
    return replace(start, swelling=round(float(place[0]), 4), disorder=round(float(place[1]), 4))


def _mean_sums(
    seen: Observation, parameters: EnsembleParameters, place: Float[np.ndarray, "2"]
) -> Float[np.ndarray, "2"]:
    """Mean log-sums of variants of a run's fibril, the same draws whatever swelling and disorder are."""
    source = ModeEnsemble(seen.built, replace(parameters, swelling=float(place[0]), disorder=float(place[1])))
    random = np.random.default_rng(1)
    return _log_sums((source.draw(k, random).cart for k in range(MATCHED)), seen.built).mean(0)


def _sprung(seen: Sequence[Observation], start: EnsembleParameters, unlike: bool) -> EnsembleParameters:
    """Springs and a glucose's own motion with which variants fluctuate as the runs do.

    What the modes do is inverse to the springs and falls with the fibril's size, which the own motion does
    not; so runs of fibrils of `unlike` size tell the two apart. Others leave the own motion as it was.
    """
    wanted = np.array([one.bead_rms**2 for one in seen])
    still = replace(start, glucose_rms=0.0)
    modes = np.array([network_rms(one.built, still) ** 2 for one in seen])
    if unlike:
        (softer, own), _ = nnls(np.column_stack([modes, np.ones(len(modes))]), wanted)
    else:
        own = start.glucose_rms**2
        softer = float((wanted - own).sum() / modes.sum())
    if softer <= 0:
        raise InputError(
            f"{seen[0].folder}: its frames are too similar to determine the springs; continue the run"
        )
    return replace(
        start, spring=round(float(start.spring / softer), 4), glucose_rms=round(float(np.sqrt(own)), 4)
    )


def network_rms(fibril: Fibril, parameters: EnsembleParameters) -> float:
    """Fluctuation of a bead in variants of a fibril, in Å, as `bead_rms` of DRAWS of them."""
    source, random = ModeEnsemble(fibril, parameters), np.random.default_rng(0)
    draws = (source.draw(number, random).cart.astype(float) for number in range(DRAWS))
    return bead_rms(fibril, np.stack([fibril.beads(cart) for cart in draws]))


def compare(folder: Path, parameters: EnsembleParameters | None = None) -> dict[str, Any]:
    """A run beside variants of a network of its length: twist, bead fluctuation, distance of log-sums.

    `ks` is the two-sided Kolmogorov-Smirnov statistic of each log-sum of the standard pattern,
    `ks_frames` the number of the run's frames that are independent in that log-sum, and `ks_by_chance`
    what equal distributions exceed once in twenty times with so many. Frames that are correlated count once
    there, but `ks` itself is of all frames. Errors as of `observe`.
    """
    parameters = parameters or read_parameters()
    seen = observe(folder)
    fibril, frames = seen.built, FrameEnsemble(folder, seen.length)
    source, random = ModeEnsemble(fibril, parameters), np.random.default_rng(0)
    md = _log_sums(frames.cart, fibril)
    drawn = _log_sums((source.draw(k, random).cart for k in range(DRAWS)), fibril)
    mean, deviation = (DEG_PER_NM * value for value in source.twist)
    rms = network_rms(fibril, parameters)
    row = {
        **asdict(seen),
        "network_twist": mean,
        "twist_relative_error": mean / seen.twist - 1,
        "network_twist_sd": deviation,
        "network_bead_rms": rms,
        "bead_rms_ratio": seen.bead_rms / rms,
        "ks": {},
        "ks_frames": {},
        "ks_by_chance": {},
        "log_sums": LOG_SUMS,
    }
    for name, here, there in zip(("low", "high"), md.T, drawn.T, strict=True):
        independent = len(here) / statistical_inefficiency(here)
        row["ks"][name] = float(np.asarray(ks_2samp(here, there)[0]))
        row["ks_frames"][name] = independent
        row["ks_by_chance"][name] = float(_KS_95 * np.sqrt(1 / independent + 1 / DRAWS))
    return row


def _log_sums(shapes: Iterable[np.ndarray], fibril: Fibril) -> np.ndarray:
    """Log-sums of the standard patterns of atoms [n, 3], not turned."""
    imaging = Imaging(rotate=False)
    scene, random = Scene(fibril.elements), np.random.default_rng(0)
    found = []
    for cart in shapes:
        shape = scene.shape(cart, imaging.window)
        pattern = measure(scene.intensity(cart, shape, imaging), imaging, random)
        found.append(log_sums(pattern[None], imaging.window)[0])
    return np.stack(found)
