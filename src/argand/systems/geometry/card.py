"""The card of trained weights: their training, their figures on simulated stills, and their limits."""

from dataclasses import fields
from pathlib import Path
from typing import Any

from argand.duration import as_text
from argand.io.card import save_with_card
from argand.io.weights import load_weights
from argand.system import from_config
from argand.systems.geometry.presets import PRESETS
from argand.systems.geometry.system import Geometry

LIMITS = (
    "Trained on simulated stills alone, one lattice in each at most; on no measured image.",
    "One flat detector. Distance, wavelength and pixel size are taken as known.",
    "Not simulated: parallax, radiation damage, split crystals, absorption in the sensor.",
)
OPTIONS = {"optimiser_name": "--optimiser", "learning_rate": "--learning-rate"}
"""Fields of our own network's system -> their options of the verb train."""
PRECISIONS = {"32-true": "fp32", "bf16-mixed": "bf16"}


def keep_figures(weights: Path, result: dict[str, Any]) -> Path:
    """Store the result of `evaluate_preset` in the header of these weights, and write their card.

    Figures of other presets are kept. Returns the card's path. Raises InputError if it cannot be written.
    """
    state, header = load_weights(weights)
    system = from_config(Geometry, header["config"])
    figures = header.get("figures", {})
    simulated = figures.get("simulated", {}) | {result["preset"]: card_figures(result)}
    header |= {"figures": figures | {"simulated": simulated}, "limits": limits(system)}
    header["command"] = training_command(system, header["training"])
    return save_with_card(weights, state, header)


def card_figures(result: dict[str, Any]) -> dict[str, Any]:
    """The row of one preset: mean errors over all stills, and over those with a trusted answer."""
    found = result["evidence"]["both"]
    stages = {
        "trusted": found["answered"],
        "all": found["refined"],
        "network alone": found["network"],
        "constant": result["constant"],
    }
    return {
        "stills": result["count"],
        "frames": "full" if result["full"] else "binned",
        "share trusted": found["share_answered"],
        **{f"centre px, {name}": stage["centre_mean_px"] for name, stage in stages.items()},
        **{f"tilt °, {name}": _mean_tilt(stage) for name, stage in stages.items()},
    }


def _mean_tilt(figures: dict[str, Any]) -> float | None:
    """Mean error of pitch and yaw in degrees."""
    return None if figures["pitch_deg"] is None else (figures["pitch_deg"] + figures["yaw_deg"]) / 2


def limits(system: Geometry) -> list[str]:
    """The limits of weights of this system."""
    stills = system.stills
    low_mm, high_mm = stills.distance_mm
    low, high = stills.wavelength
    ranges = (
        f"Trained for stills at {low_mm:g} to {high_mm:g} mm and {low:g} to {high:g} Å, "
        f"with tilts within {stills.tilt_max_deg:g}°, on {', '.join(dict.fromkeys(stills.detectors))}."
    )
    return [ranges, *LIMITS]


def training_command(system: Geometry, training: dict[str, Any]) -> str | None:
    """The command that trains such weights again; None if the system is not a preset with options.

    `training` is that of the weights' header. A run that was limited by steps, or stopped, gets the time that
    it took.
    """
    name = _nearest_preset(system)
    if name is None:
        return None
    preset = PRESETS[name]
    words = ["argand geometry train", name, "--out runs/again"]
    words.append(f"--max-time {as_text(training.get('max_seconds') or training['seconds'])}")
    words += [
        f"{option} {getattr(system, field)}"
        for field, option in OPTIONS.items()
        if getattr(system, field) != getattr(preset, field)
    ]
    words += [f"--batch-size {training['batch_size']}", f"--replay {training['replay']}"]
    words += [f"--seed {training['seed']}", f"--processes {training['workers']}"]
    words += [f"--clip-norm {training['clip_norm'] or 0:g}", f"--val-count {training['val_count']}"]
    words += [
        f"--val-every {training['val_every_steps']}",
        f"--precision {PRECISIONS[training['precision']]}",
    ]
    if training.get("start"):
        # It begins with the name of the file.
        words.append(f"--start {training['start'].split(',')[0]}")
    return " ".join(words)


def _nearest_preset(system: Geometry) -> str | None:
    """Name of the first preset that differs from the system in options of the verb train only."""
    fixed = [field.name for field in fields(Geometry) if field.name not in OPTIONS]
    same = (n for n, p in PRESETS.items() if all(getattr(p, f) == getattr(system, f) for f in fixed))
    return next(same, None)
