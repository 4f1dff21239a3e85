"""The answer to one pattern, whatever network it is from."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from argand.systems.molmnist.inversion.centring import Pattern
from argand.systems.molmnist.inversion.verdict import Verdict, decide

WindowOrigin = Literal["stated", "file", "assumed"]
"""Where the side of a window is from: the user, the pattern's file, or no one."""


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
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """Whether the answer is to be believed, and why."""
        sure = None if self.probability is None else float(self.probability.max())
        return decide(sure, self.fibril, self.residual, self.expected_residual)

    @property
    def fibril(self) -> str | None:
        """The likeliest fibril; None where the network knows none by name."""
        return None if self.probability is None else self.fibrils[int(self.probability.argmax())]
