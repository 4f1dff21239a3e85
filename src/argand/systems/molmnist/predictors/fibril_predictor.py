"""The predictor of the ten fibrils and of molecules: the network, then a fit of the shape to the pattern."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped
from scipy import ndimage
from torch import Tensor

from argand.learn.device import channels_last, fast_order
from argand.physics.coherent.projection import Radiation, Window
from argand.systems.molmnist.inversion.centring import Pattern, check_patterns
from argand.systems.molmnist.inversion.prediction import WINDOW_SIDE, Prediction
from argand.systems.molmnist.inversion.shape_basis import BLUR, blur, middle
from argand.systems.molmnist.inversion.shape_fit import (
    Fitted,
    MeasuredPattern,
    combined,
    fit_shape,
    residual,
    scale_of,
    turned_images,
)
from argand.systems.molmnist.inversion.twist_estimate import read_twist
from argand.systems.molmnist.inversion.verdict import check_window
from argand.systems.molmnist.loss import pattern_middle
from argand.systems.molmnist.network import InversionNetwork, InversionOutput
from argand.systems.molmnist.predictors.pattern_predictor import PatternPredictor
from argand.systems.molmnist.system import Molmnist

BATCH = 64
"""Patterns that the network reads at a time; for memory and speed alone."""
_LEAST_SPREAD = 0.005
"""Radians (0.3°); the rotation is never taken for better known than this before the fit. By hand: a network
that is wrongly sure must not hold the fit back."""

GRAIN = 0.16
"""Electrons: variance over mean of what single atoms leave in a pixel of 1 Å of a blurred shape; measured on
validation draws, 0.14 (9x9) to 0.21 (3x3). One number for all fibrils, by hand, nearer to the large ones."""
MODEL_RESIDUAL = 0.1
"""What the directions of the largest fibril's shapes leave of its pattern without noise. Rounded by hand, for
all: by benchmarks/molmnist_trust.py fibrils of the test split leave 0.09 less to 0.04 more, 0.003 more in the
median."""


class FibrilPredictor(PatternPredictor):
    """The trained network with the fit behind it; `radiation` is what measured the patterns.

    It changes the form factors of the fit alone: the network has learnt from X-rays. The network computes on
    the GPU where there is one, the fit on the processor.
    """

    together = BATCH

    def __init__(self, system: Molmnist, network: InversionNetwork, radiation: Radiation = "xray") -> None:
        self.system = system
        self.radiation: Radiation = radiation
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network: InversionNetwork = fast_order(network.eval().to(self.device))  # pyright: ignore[reportAttributeAccessIssue]
        self.pixel = system.imaging.window.pixel
        self._images: dict[int, Tensor] = {}
        self._blurred_images: dict[int, Tensor] = {}

    def measured_by(self, radiation: Radiation) -> "FibrilPredictor":
        """The same for patterns of another radiation."""
        return self if radiation == self.radiation else FibrilPredictor(self.system, self.network, radiation)

    def predict_many(
        self,
        patterns: Shaped[np.ndarray, "..."],
        live: Shaped[np.ndarray, "..."] | None = None,
        window_side: float = WINDOW_SIDE,
    ) -> list[Prediction]:
        """Answers to patterns [n, slow, fast] of one kind: one mask, one window (side in Å).

        q = 0 must be in pixel [n // 2, n // 2]. Raises InputError for anything but a pattern, and for a
        window that has no answer.
        """
        patterns = np.asarray(patterns, np.float32)
        live = np.ones(patterns.shape[1:], bool) if live is None else np.asarray(live, bool)
        check_patterns(patterns, live)
        if self.system.structures is None:
            check_window(window_side, len(live))
        live = live & (Window(window_side, len(live)).q > 0)
        answers: list[Prediction] = []
        for first in range(0, len(patterns), BATCH):
            chunk = patterns[first : first + BATCH]
            output = self.read(chunk, live, window_side)
            answers += [self._answer(one, live, window_side, output, row) for row, one in enumerate(chunk)]
        return answers

    @torch.inference_mode()
    def read(
        self,
        patterns: Float[np.ndarray, "n slow fast"],
        live: Bool[np.ndarray, "slow fast"],
        window_side: float,
    ) -> InversionOutput:
        """What the network says of patterns of a window of this side in Å; q up to 1.6 / Å is looked at."""
        step = 2 * np.pi / window_side
        seen = np.stack([pattern_middle(one, step) for one in np.where(live, patterns, 0)])[:, None]
        mask = np.broadcast_to(pattern_middle(live, step), seen.shape)
        given = {"pattern": torch.from_numpy(seen), "live": torch.from_numpy(mask.astype(np.float32))}
        given = {name: part.to(self.device) for name, part in channels_last(given).items()}
        output = self.network(given["pattern"], given["live"], step)
        return InversionOutput(**{name: part.float().cpu() for name, part in vars(output).items()})

    @torch.inference_mode()
    def network_shapes(
        self,
        patterns: Float[np.ndarray, "n slow fast"],
        live: Bool[np.ndarray, "slow fast"],
        window_side: float = 200.0,
    ) -> tuple[Float[np.ndarray, "n slow fast"], Int[np.ndarray, " n"]]:
        """Shapes as the network alone has them, in electrons per pixel of the window, and the fibrils."""
        window = Window(window_side, len(live))
        shapes, fibrils = [], []
        for first in range(0, len(patterns), BATCH):
            output = self.read(patterns[first : first + BATCH], live, window_side)
            fibrils += output.fibril_logits.argmax(1).tolist()
            for row, fibril in enumerate(fibrils[first:]):
                images = self._shapes(fibril)
                amount = output.coefficients[row, fibril, : len(images) - 1]
                turned = turned_images(combined(images, amount)[None], float(output.rotation[row]))[0]
                shapes.append(_placed(turned, self.pixel, window))
        return np.stack(shapes), np.array(fibrils)

    @torch.inference_mode()
    def _answer(
        self,
        pattern: Pattern,
        live: Bool[np.ndarray, "slow fast"],
        window_side: float,
        output: InversionOutput,
        row: int,
    ) -> Prediction:
        probability = output.fibril_logits[row].softmax(0)
        fibril = int(probability.argmax())
        images = self._shapes(fibril)
        start = output.coefficients[row, fibril, : len(images) - 1]
        rotation = float(output.rotation[row])
        window = Window(window_side, len(pattern))
        atoms = self.system.composition(fibril)
        measured = MeasuredPattern(pattern, live, window, self.pixel, self.radiation, atoms)
        # A concentration κ of twice the rotation is a standard deviation of κ^-1/2, hence half of that.
        spread = max(float(output.sharpness[row]) ** -0.5 / 2, _LEAST_SPREAD)
        rest = float(self.network.get_buffer("rest")[fibril, 0])
        fitted = fit_shape(measured, images, start, rotation, spread, rest)
        return Prediction(
            shape=_placed(fitted.shape, self.pixel, window),
            shape_sd=_placed(self._deviation(fitted, fibril), self.pixel, window),
            fibrils=self.system.kinds,
            probability=probability.numpy(),
            **self._twist(fitted, fibril),
            rotation_deg=float(np.degrees(fitted.rotation)) % 180.0,
            residual=fitted.residual,
            expected_residual=expected_residual(measured, fitted),
            pattern=pattern,
            live=live,
            window_side=window_side,
            radiation=self.radiation,
        )

    def _twist(self, fitted: Fitted, fibril: int) -> dict[str, Any]:
        """What an answer tells of the twist; nothing where it is not a fibril."""
        if self.system.structures is not None:
            return {}
        slope = self.network.get_buffer("twist")[fibril, : len(fitted.coefficients) + 1].cpu()
        rest = float(self.network.get_buffer("rest")[fibril, 1])
        twist = read_twist(slope, rest, fitted.coefficients, fitted.covariance)
        return {
            "twist_deg_per_nm": twist.twist,
            "twist_sd_deg_per_nm": twist.sd,
            "twist_is_measured": twist.doubt is None,
            "notes": () if twist.doubt is None else (twist.doubt,),
        }

    def _deviation(self, fitted: Fitted, fibril: int) -> Float[Tensor, "side side"]:
        """Standard deviation of the blurred shape: of the fit, and of single atoms."""
        blurred = self._blurred(fibril)
        shape = blurred[0] + torch.tensordot(fitted.coefficients, blurred[1:], 1)
        spread = torch.tensordot(fitted.covariance, blurred[1:], 1).mul_(blurred[1:]).sum(0)
        deviation = (GRAIN * self.pixel**2 * shape.clamp_min(0) + spread.clamp_min(0)).sqrt()
        return turned_images(deviation[None], fitted.rotation)[0].clamp_min(0)

    def _shapes(self, fibril: int) -> Float[Tensor, "image side side"]:
        """Mean shape of a fibril and its directions, where the fit computes."""
        if fibril not in self._images:
            self._images[fibril] = self.network.shapes(fibril).cpu()
        return self._images[fibril]

    def _blurred(self, fibril: int) -> Float[Tensor, "image side side"]:
        """Mean shape of a fibril and its directions, blurred as shapes are scored."""
        if fibril not in self._blurred_images:
            images = blur(self._shapes(fibril).numpy(), BLUR / self.pixel)
            self._blurred_images[fibril] = torch.from_numpy(images)
        return self._blurred_images[fibril]


def expected_residual(measured: MeasuredPattern, fitted: Fitted) -> float:
    """The residual of a right answer: of what no direction describes, and of counting.

    Counting's is that of one Poisson draw about the answer's own counts, always the same one.
    """
    if not measured.is_counted:
        return MODEL_RESIDUAL
    model = measured.waves(fitted.shape[None], fitted.rotation)[0]
    counts = scale_of(measured, model) * measured.mates * model.abs().square()
    drawn = torch.poisson(counts, torch.Generator().manual_seed(0))
    # Both errors are independent.
    return float(np.hypot(residual(measured, model, drawn), MODEL_RESIDUAL))


def _placed(image: Float[Tensor, "side side"], pixel: float, window: Window) -> Pattern:
    """An image about the fibril's axis over a whole window, in electrons per pixel of the window."""
    values, size = image.numpy().astype(float), window.size
    if np.isclose(window.pixel, pixel) and size % 2 == 0:
        return middle(values, size).astype(np.float32)
    ratio = window.pixel / pixel
    # A little blur before coarser sampling, against aliases; ratio² keeps the electrons.
    values = blur(values[None], max(0.0, (ratio - 1) / 2))[0]
    centre = np.array([(len(values) - 1) / 2 - ratio * (size - 1) / 2] * 2)
    spread = ndimage.affine_transform(values, np.full(2, ratio), centre, (size, size), order=3)  # pyright: ignore[reportArgumentType]
    return (spread * ratio**2).astype(np.float32)
