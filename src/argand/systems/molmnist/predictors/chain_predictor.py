"""The predictor of bundles of any outline: the network, then the fit of its chains to the pattern."""

import numpy as np
import torch
from jaxtyping import Shaped

from argand.physics.coherent.projection import Radiation, Window
from argand.systems.molmnist.fibril.bundle import OUTLINES
from argand.systems.molmnist.inversion.centring import check_patterns
from argand.systems.molmnist.inversion.chain_network import ChainNetwork
from argand.systems.molmnist.inversion.chain_reading import ChainReader, ChainReading
from argand.systems.molmnist.inversion.prediction import WINDOW_SIDE, Prediction
from argand.systems.molmnist.inversion.verdict import check_window
from argand.systems.molmnist.predictors.pattern_predictor import PatternPredictor


class ChainPredictor(PatternPredictor):
    """The trained network of bundles with the fit behind it; `radiation` is what measured the patterns.

    It changes the form factors of the fit alone: the network has learnt from X-rays.
    """

    together = 8

    def __init__(self, network: ChainNetwork, radiation: Radiation = "xray") -> None:
        self.network: ChainNetwork = network  # pyright: ignore[reportIncompatibleVariableOverride]
        self.radiation: Radiation = radiation
        self.reader = ChainReader(network, radiation)

    def measured_by(self, radiation: Radiation) -> "ChainPredictor":
        """The same for patterns of another radiation."""
        return self if radiation == self.radiation else ChainPredictor(self.network, radiation)

    @torch.inference_mode()
    def predict_many(
        self,
        patterns: Shaped[np.ndarray, "..."],
        live: Shaped[np.ndarray, "..."] | None = None,
        window_side: float = WINDOW_SIDE,
    ) -> list[Prediction]:
        """Answers to patterns [n, slow, fast] of one window (side in Å), q = 0 in pixel [n // 2, n // 2].

        `live` [slow, fast] or [n, slow, fast] marks measured pixels. Raises InputError for what is no
        pattern, or a window that has no answer.
        """
        patterns = np.asarray(patterns, np.float32)
        live = np.ones(patterns.shape[1:], bool) if live is None else np.asarray(live, bool)
        masks = live if live.ndim == 3 else np.broadcast_to(live, patterns.shape)
        for one, mask in zip(patterns, masks, strict=True):
            check_patterns(one[None], mask)
        check_window(window_side, patterns.shape[-1])
        masks = masks & (Window(window_side, patterns.shape[-1]).q > 0)
        output = self.reader.asked(patterns, masks, window_side)
        return [
            _answer(
                self.reader.read(one, mask, window_side, output, row), one, mask, window_side, self.radiation
            )
            for row, (one, mask) in enumerate(zip(patterns, masks, strict=True))
        ]


def _answer(
    reading: ChainReading, pattern: np.ndarray, live: np.ndarray, side: float, radiation: Radiation
) -> Prediction:
    """A reading as an answer."""
    likeliest = int(reading.outline.argmax())
    return Prediction(
        shape=reading.shape,
        shape_sd=reading.shape_sd,
        rotation_deg=reading.rotation_deg,
        residual=reading.misfit,
        expected_residual=reading.expected,
        pattern=pattern,
        live=live,
        window_side=side,
        sites=reading.sites,
        chains=reading.chains[0],
        chains_sd=reading.chains[1],
        outline=OUTLINES[likeliest],
        outline_probability=float(reading.outline[likeliest]),
        turn_deg=reading.turn_deg[0],
        turn_sd_deg=reading.turn_deg[1],
        background=reading.background,
        radiation=radiation,
    )
