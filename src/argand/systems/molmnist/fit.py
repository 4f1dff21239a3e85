"""The elastic network's parameters from runs of molecular dynamics, and how well a network matches a run."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import ks_2samp

from argand.errors import InputError
from argand.physics.stationary import statistical_inefficiency
from argand.physics.twist import DEG_PER_NM, superposition, twisted
from argand.systems.molmnist.fibril import LENGTH, Fibril, build_fibril
from argand.systems.molmnist.figures import LOG_SUMS, log_sums
from argand.systems.molmnist.frames import FrameEnsemble
from argand.systems.molmnist.measure import by_layer, fibril_twist, inner
from argand.systems.molmnist.modes import EnsembleParameters, ModeEnsemble, read_parameters
from argand.systems.molmnist.presets import PRESETS
from argand.systems.molmnist.simulate import Scene, measure
from argand.systems.molmnist.trajectory import Trajectory

DRAWS = 400


@dataclass(frozen=True)
class Observation:
    """What a run tells: twist (degrees/nm), its error and deviation; fluctuation of a bead (Å, rms)."""

    folder: str
    fibril: str
    solvent: str
    length: float
    frames: int
    twist: float
    twist_error: float
    twist_sd: float
    bead_rms: float


def observe(folder: Path) -> Observation:
    """Twist and fluctuation over the production of a run; InputError where there is none yet."""
    trajectory = Trajectory(folder)
    settings = trajectory.settings
    found = trajectory.read("twist_deg_per_nm", "beads", phase="production")
    twist = found["twist_deg_per_nm"]
    fibril = build_fibril(settings["fibril"], settings["length"])
    error = float(twist.std() * np.sqrt(statistical_inefficiency(twist) / len(twist)))
    named = (str(folder), fibril.name, settings["solvent"], settings["length"], len(twist))
    rms = bead_rms(fibril, found["beads"].astype(float))
    return Observation(*named, float(twist.mean()), error, float(twist.std()), rms)


def bead_rms(fibril: Fibril, beads: np.ndarray) -> float:
    """Root mean square distance in Å of beads [frame, glucose, 3] from their mean.

    Each frame is first twisted to the mean twist and laid on the others; the ends are left out.
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
    """Parameters that match the mean twist, its fluctuation and the beads' fluctuation of runs.

    One run fixes all but the exponent; runs of fibrils of unlike size fix that too. Runs shorter than 200 Å
    tell the mean twist alone. InputError where no run is of full length.
    """
    seen = [observe(Path(folder)) for folder in folders]
    whole = [one for one in seen if one.length == LENGTH]
    if not whole:
        raise InputError(
            f"fit needs a run of a fibril of {LENGTH:g} Å; its fluctuations grow with its length"
        )
    start = start or read_parameters()
    ratio = np.log([4 / build_fibril(one.fibril).chains for one in seen])
    twist = np.log([one.twist for one in seen])
    exponent = start.twist_exponent
    if np.ptp(ratio) > 0:
        exponent = float(np.polyfit(ratio, twist, 1)[0])
    base = float(np.exp((twist - exponent * ratio).mean()))
    spread = float(np.mean([one.twist_sd * build_fibril(one.fibril).chains / 4 for one in whole]))
    stiffer = np.mean([2 * np.log(network_rms(one.fibril, start) / one.bead_rms) for one in whole])
    source = "; ".join(f"{one.fibril} {one.solvent} {one.length:g} Å, {one.frames} frames" for one in seen)
    return EnsembleParameters(
        round(start.spring * float(np.exp(stiffer)), 4),
        start.sheet_ratio,
        start.chain_ratio,
        round(base, 4),
        round(exponent, 4),
        round(spread, 4),
        f"fitted to molecular dynamics: {source}",
    )


def network_rms(name: str, parameters: EnsembleParameters) -> float:
    """Fluctuation of a bead in draws of the elastic network, in Å."""
    source = ModeEnsemble(build_fibril(name), parameters)
    random = np.random.default_rng(0)
    rest = source.fibril.beads(source.fibril.cart)
    draws = np.stack([rest + source.displacement(random)[0] for _ in range(DRAWS)])
    return bead_rms(source.fibril, draws)


def compare(folder: Path, parameters: EnsembleParameters | None = None) -> dict[str, Any]:
    """A run beside draws of the network: twist, bead fluctuation, and the distance between their log-sums.

    The distance is the two-sided Kolmogorov-Smirnov statistic of each log-sum of the standard pattern.
    """
    parameters = parameters or read_parameters()
    seen = observe(folder)
    frames = FrameEnsemble(folder, seen.length)
    source = ModeEnsemble(build_fibril(seen.fibril, seen.length), parameters)
    random = np.random.default_rng(0)
    md = _log_sums([frames.cart[k] for k in range(len(frames))], source.fibril)
    drawn = _log_sums([source.draw(k, random).cart for k in range(DRAWS)], source.fibril)
    mean = DEG_PER_NM * parameters.mean_twist(source.fibril.chains)
    distances = {
        name: float(np.asarray(ks_2samp(md[:, k], drawn[:, k])[0])) for k, name in enumerate(("low", "high"))
    }
    return {
        **asdict(seen),
        "network_twist": mean,
        "twist_relative_error": mean / seen.twist - 1,
        "network_bead_rms": network_rms(seen.fibril, parameters) if seen.length == LENGTH else None,
        "ks": distances,
        "log_sums": LOG_SUMS,
    }


def _log_sums(shapes: list[np.ndarray], fibril: Fibril) -> np.ndarray:
    """Log-sums of the standard patterns of atoms [n, 3], not turned."""
    imaging = replace(PRESETS["standard"].imaging, rotate=False)
    scene, random = Scene(fibril), np.random.default_rng(0)
    patterns = []
    for cart in shapes:
        shape = scene.shape(cart, imaging.window)
        patterns.append(measure(scene.intensity(cart, shape, imaging), imaging, random))
    return log_sums(np.stack(patterns), imaging.window)
