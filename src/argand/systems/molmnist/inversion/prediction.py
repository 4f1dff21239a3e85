"""The answer to one pattern, whatever network it is from."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Bool, Float

from argand.page.notebook import html_card
from argand.physics.coherent.projection import Radiation
from argand.runs.answers import dataframe
from argand.runs.record import SCHEMA_VERSION, Record, to_record
from argand.systems.molmnist.fibril.bundle import name_of, occupied
from argand.systems.molmnist.inversion.answer_text import found_text, title_of, turn_text, twist_text
from argand.systems.molmnist.inversion.centring import Pattern
from argand.systems.molmnist.inversion.picture import Pictured, answer_png
from argand.systems.molmnist.inversion.truth import PatternTruth, Shape, blurred_correlation
from argand.systems.molmnist.inversion.verdict import Verdict, decide, decide_chains

if TYPE_CHECKING:
    from pandas import DataFrame

_NOTEBOOK_DPI = 45
"""Of the picture that a notebook shows. By hand: three panels are then some 570 pixels wide."""
WindowOrigin = Literal["stated", "file", "assumed"]
"""Where the side of a window is from: the user, the pattern's file, or nobody."""
ASSUMED_LENGTH = 200.0
"""Å of the bundles of the network of bundles, where no one states it: the middle of those of `hard`."""
NO_LENGTH = f"length not given: the shape is that of {ASSUMED_LENGTH:g} Å, the twist per length unknown"
LARGEST_TURN_SD = 15.0
"""Degrees of standard deviation up to which an end-to-end twist is converted to a twist per length. By hand:
a quarter of the deviation of those in training, 0 to 240 degrees."""
WINDOW_SIDE = 200.0
"""Å, where no one states another: the side of the standard set's window."""
ASSUMED = f"the window of {WINDOW_SIDE:g} Å is assumed: neither the user nor the file states its side"


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a pattern shows of a fibril.

    `trusted` says whether the answer can be relied on, and `reason` why or why not; an answer that is not
    trusted is a best guess.

    `shape` in electrons per pixel over the pattern's window, with the phase problem solved up to a rotation
    by 180°; `shape_sd` the standard deviation of the shape blurred by 1 Å. `rotation_deg` about the beam,
    modulo 180°. `residual` is Σ | |F| - k|F obs| | / Σ k|F obs| for q up to 1.9 /Å, `expected_residual` what
    counting noise and the variety of shapes leave of a correct answer. `pattern` is the pattern as answered,
    of a window of `window_side` Å, and `live` its measured pixels; `notes` say how it was changed before, and
    what the answer depends on. `file`, `index` and `truth` are those of the pattern, where known, `seconds`
    the time that the answer took.

    Only from the network of the ten fibrils: `probability` of each of `fibrils`; the absolute value of the
    twist, as no projection shows the hand, with its standard deviation. Where `twist_is_measured` is False,
    the twist is the mean of the fibril's variants and the pattern does not determine it.

    Only from the network of bundles: `sites`, the probability of a chain at each site of
    `fibril.bundle.occupancy`, the number of `chains`, the kind of `outline`, and the end-to-end twist
    `turn_deg`, each with its standard deviation or probability, and the share `background` of the photons;
    the twist per length needs a length, which no pattern shows. Its residuals are mean squares of differences
    of roots of counts, in their expected deviations (`chain_counts.misfits`).
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
    background: float | None = None
    notes: tuple[str, ...] = ()
    radiation: Radiation = "xray"
    file: str | None = None
    index: int = 0
    truth: PatternTruth | None = None
    seconds: float | None = None

    @cached_property
    def _verdict(self) -> Verdict:
        if self.chains is not None and self.chains_sd is not None:
            seen = self.pattern[self.live]
            photons = float(seen.sum()) if (seen == np.rint(seen)).all() else None
            residuals = self.residual, self.expected_residual
            return decide_chains(self.chains, self.chains_sd, *residuals, photons, self.background or 0.0)
        sure = None if self.probability is None else float(self.probability.max())
        return decide(sure, self.fibril, self.residual, self.expected_residual)

    @property
    def trusted(self) -> bool:
        """Whether the answer can be relied on."""
        return self._verdict.trusted

    @property
    def reason(self) -> str:
        """Why the answer is trusted, or why it is not."""
        return self._verdict.reason

    @property
    def fibril(self) -> str | None:
        """The most probable fibril; None where the network names none, or its chains have no name."""
        if self.sites is not None:
            return name_of(occupied(self.sites))
        return None if self.probability is None else self.fibrils[int(self.probability.argmax())]

    @property
    def true_shape(self) -> Shape | None:
        """The true shape, rotated by 180° where that is nearer to `shape`; None where it is unknown."""
        pixel = self.window_side / len(self.shape)
        return None if self.truth is None else self.truth.nearest(self.shape, pixel)

    def to_dict(self) -> Record:
        """The answer in plain values, as `predict --json` has it (docs/schema/molmnist.json); no arrays.

        Twists are absolute values, and None where the pattern does not determine them; so are fibril and
        probability from a network that names none.
        """
        record: Record = {
            "schema_version": SCHEMA_VERSION,
            "file": self.file,
            "index": self.index,
            "trusted": self.trusted,
            "believed": self.trusted,
            "reason": self.reason,
            "notes": list(self.notes),
            **self._identity(),
            "rotation_deg": self.rotation_deg,
            "residual": self.residual,
            "expected_residual": self.expected_residual,
            "window_side_angstrom": self.window_side,
            "window_from": self.window_from,
            "radiation": self.radiation,
            "pixels": len(self.pattern),
            "seconds": None if self.seconds is None else round(self.seconds, 3),
        }
        if self.truth is not None:
            record["truth"] = dict(self.truth.told)
            true = self.true_shape
            if true is not None:
                pixel = self.window_side / len(self.shape)
                record["truth"]["correlation"] = blurred_correlation(true, self.shape, pixel)
        return to_record(record)

    def _identity(self) -> Record:
        """Fibril, its probability, twist and bundle, as far as the answer has them."""
        told = self.twist_is_measured
        chances = None if self.probability is None else self.probability.tolist()
        return {
            "fibril": self.fibril,
            "probability": None if chances is None else max(chances),
            "probabilities": {} if chances is None else dict(zip(self.fibrils, chances, strict=True)),
            "twist_deg_per_nm": self.twist_deg_per_nm if told else None,
            "twist_sd_deg_per_nm": self.twist_sd_deg_per_nm if told else None,
            **self._bundle(),
        }

    def _bundle(self) -> Record:
        """Chains, outline and end-to-end twist, where the answer is a bundle."""
        if self.sites is None:
            return {}
        names = ("chains", "chains_sd", "outline", "outline_probability")
        names += ("turn_deg", "turn_sd_deg", "background")
        sites = occupied(self.sites).tolist()
        return {name: getattr(self, name) for name in names} | {"sites": sites}

    def to_png(self, title: str | None = None, dpi: int = 80) -> bytes:
        """PNG of pattern, shape and its standard deviation, and of the true shape and difference if known.

        Shapes of an answer that is not trusted are pale, grey and headed "best guess".
        """
        shown = Pictured(
            self.shape, self.shape_sd, self.pattern, self.live, self.window_side, self.true_shape
        )
        return answer_png(shown, title or self.headline, self.trusted, dpi)

    @property
    def headline(self) -> str:
        """What was found and whether it is trusted, as a caption."""
        found = title_of({"fibril": self.fibril, **self._bundle()})
        if self.trusted:
            return f"{found}, trusted ({self.reason})"
        return f"best guess: {found}, not trusted ({self.reason})"

    def to_dataframe(self) -> "DataFrame":
        """The same as a pandas DataFrame of one row; MissingExtraError without pandas."""
        return dataframe([self.to_dict()])

    def __repr__(self) -> str:
        return f"<Prediction of molmnist: {self.headline}>"

    def _repr_html_(self) -> str:
        record = {"fibril": self.fibril, **self._identity()}
        found = {"found": found_text(record), "end-to-end twist": turn_text(record)}
        found |= {"|twist|, °/nm": twist_text(record) or "unknown", "rotation, °": f"{self.rotation_deg:.1f}"}
        window = {"window": f"{self.window_side:.1f} Å, {self.window_from}", "verdict": self.reason}
        title = "Prediction, trusted" if self.trusted else "Best guess, not trusted"
        note = "; ".join(self.notes) or None
        return html_card(title, found | window, self.to_png(dpi=_NOTEBOOK_DPI), note, self.trusted)


def with_length(answer: Prediction, length: float | None) -> Prediction:
    """An answer with an end-to-end twist, and the twist per length for a length in Å; others as they are.

    Its shape is then that of a bundle of this length. The twist per length stays unknown where the standard
    deviation of the end-to-end twist is above `LARGEST_TURN_SD`.
    """
    turn, spread = answer.turn_deg, answer.turn_sd_deg
    if turn is None or spread is None:
        return answer
    if length is None:
        return replace(answer, notes=(*answer.notes, NO_LENGTH))
    share = length / ASSUMED_LENGTH
    answer = replace(answer, shape=answer.shape * share, shape_sd=answer.shape_sd * share)
    if spread > LARGEST_TURN_SD:
        doubt = (
            f"the pattern does not determine the twist: end to end it is uncertain by {spread:.0f} degrees"
        )
        return replace(answer, notes=(*answer.notes, doubt))
    # 10 Å to a nm.
    return replace(
        answer,
        twist_deg_per_nm=10 * turn / length,
        twist_sd_deg_per_nm=10 * spread / length,
        twist_is_measured=True,
    )
