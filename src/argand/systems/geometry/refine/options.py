"""Settings of a prediction."""

from dataclasses import dataclass

from argand.systems.geometry.network import EvidenceKind


@dataclass(frozen=True)
class Options:
    """How a frame is predicted.

    `evidence` removes background or spots, for comparison; without `refine` the network's answer is kept.
    `max_tilt_deg` is the largest possible tilt of the detector; `calibrant` names the powder that makes the
    rings; with `use_fitted_distance` the answer has the fitted distance instead of the given one. An image
    with fewer than `least_spots` spots is not a hit and is skipped.
    """

    evidence: EvidenceKind = "both"
    refine: bool = True
    max_tilt_deg: float | None = None
    calibrant: str | None = None
    use_fitted_distance: bool = False
    least_spots: int = 0


PLAIN = Options()
"""All evidence is used, nothing more is known."""
