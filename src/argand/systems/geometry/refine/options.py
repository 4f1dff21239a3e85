"""What may be asked of a prediction beside the image itself."""

from dataclasses import dataclass

from argand.systems.geometry.network import EvidenceKind


@dataclass(frozen=True)
class Options:
    """How a frame is answered.

    `evidence` takes background or spots away, for comparison; without `refine` the network's answer stands.
    `max_tilt_deg` says that the detector is upright within so many degrees; `calibrant` names the powder
    whose rings are seen; with `use_fitted_distance` the answer has the distance that fits in place of the
    one that was given. An image of fewer than `least_spots` spots is no hit, and nothing more is asked of it.
    """

    evidence: EvidenceKind = "both"
    refine: bool = True
    max_tilt_deg: float | None = None
    calibrant: str | None = None
    use_fitted_distance: bool = False
    least_spots: int = 0


PLAIN = Options()
"""Everything in the image counts, nothing more is known."""
