"""The answer to one pattern, whatever network it is from."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from argand.systems.molmnist.fibril.bundle import name_of, occupied
from argand.systems.molmnist.inversion.centring import Pattern
from argand.systems.molmnist.inversion.verdict import Verdict, decide, decide_chains

WindowOrigin = Literal["stated", "file", "assumed"]
"""Where the side of a window is from: the user, the pattern's file, or no one."""
ASSUMED_LENGTH = 200.0
"""Å of the bundles of the network of bundles, where no one states it: the middle of those of `hard`."""
NO_LENGTH = f"no pattern shows the length: the shape is that of {ASSUMED_LENGTH:g} Å, and no twist is told"
LARGEST_TURN_SD = 15.0
"""Degrees up to which a turn between the ends is told. By hand: a quarter of the deviation of those that the
network has learnt from, 0 to 240 degrees."""
WINDOW_SIDE = 200.0
"""Å, where no one states another: the side of the standard set's window."""
ASSUMED = f"the window of {WINDOW_SIDE:g} Å is assumed: neither the user nor the file states its side"


@dataclass(frozen=True)
class Prediction:
    """What a pattern says of a fibril.

    `shape` in electrons per pixel over the pattern's window, q's phase problem solved up to half a turn;
    `shape_sd` the standard deviation of the shape blurred by 1 Å. `rotation_deg` about the beam, within half
    a turn. `residual` is Σ | |F| - k|F obs| | / Σ k|F obs| for q up to 1.9 /Å, `expected_residual` what
    counting noise and the variety of shapes would leave of a right answer. `pattern` is what was answered,
    of a window of `window_side` Å, and `live` its measured pixels; `notes` say what was done to it before,
    and what the answer rests on.

    What only some networks tell: `probability` of each of `fibrils`; the twist without its hand, which no
    projection shows, with its standard deviation, both None from a network that tells none. Where
    `twist_is_measured` is False, the twist is that of the fibril's variants and the pattern has no say.

    The network of bundles tells `sites`, the chance of a chain at each site of `fibril.bundle.occupancy`, the
    number of `chains`, the kind of `outline`, and the turn between the ends, each with its standard deviation
    or chance; of a twist it tells nothing, as a pattern does not tell the length. Its residuals are mean
    squares of differences of roots of counts, in their expected deviations (`chain_counts.misfits`).
    """

    shape: Float[np.ndarray, "slow fast"]
    shape_sd: Float[np.ndarray, "slow fast"]
    rotation_deg: float
    residual: float
    expected_residual: float
    pattern: Pattern
    live: Bool[np.ndarray, "slow fast"]
    window_side: float
    window_from: WindowOrigin = "stated"
    fibrils: tuple[str, ...] = ()
    probability: Float[np.ndarray, " fibril"] | None = None
    twist_deg_per_nm: float | None = None
    twist_sd_deg_per_nm: float | None = None
    twist_is_measured: bool = False
    sites: Float[np.ndarray, "row column"] | None = None
    chains: float | None = None
    chains_sd: float | None = None
    outline: str | None = None
    outline_probability: float | None = None
    turn_deg: float | None = None
    turn_sd_deg: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """Whether the answer is to be believed, and why."""
        if self.chains is not None and self.chains_sd is not None:
            seen = self.pattern[self.live]
            photons = float(seen.sum()) if (seen == np.rint(seen)).all() else None
            return decide_chains(self.chains, self.chains_sd, self.residual, self.expected_residual, photons)
        sure = None if self.probability is None else float(self.probability.max())
        return decide(sure, self.fibril, self.residual, self.expected_residual)

    @property
    def fibril(self) -> str | None:
        """The likeliest fibril; None where the network knows none by name, or its chains have none."""
        if self.sites is not None:
            return name_of(occupied(self.sites))
        return None if self.probability is None else self.fibrils[int(self.probability.argmax())]


def with_length(answer: Prediction, length: float | None) -> Prediction:
    """An answer that tells a turn, with the twist that this is over a length in Å; others as they are.

    Its shape is then that of so long a bundle. No twist is told where the turn's standard deviation is above
    `LARGEST_TURN_SD`.
    """
    turn, spread = answer.turn_deg, answer.turn_sd_deg
    if turn is None or spread is None:
        return answer
    if length is None:
        return replace(answer, notes=(*answer.notes, NO_LENGTH))
    share = length / ASSUMED_LENGTH
    answer = replace(answer, shape=answer.shape * share, shape_sd=answer.shape_sd * share)
    if spread > LARGEST_TURN_SD:
        doubt = f"the pattern does not tell the turn: it is known to {spread:.0f} degrees only"
        return replace(answer, notes=(*answer.notes, doubt))
    # 10 Å to a nm.
    return replace(
        answer,
        twist_deg_per_nm=10 * turn / length,
        twist_sd_deg_per_nm=10 * spread / length,
        twist_is_measured=True,
    )
