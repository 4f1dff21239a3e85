"""A fibril's shape fitted to its pattern: mean shape and directions, turned, with the phases they imply.

The amplitudes of the shape's image are linear in the coefficients of its directions; the fit is Gauss-Newton
on the intensities, with the variance of what is left in rings of q as its errors, and held to its start, the
network's answer. It needs no support and no oversampling, since there are far fewer coefficients than pixels.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Complex, Float
from torch import Tensor

from argand.physics.coherent.composition import CELLULOSE, shared_factor
from argand.physics.coherent.pattern import is_counted
from argand.physics.coherent.projection import Radiation, Window
from argand.systems.molmnist.inversion.shape_basis import BLUR

Q_FIT = 1.9
"""1/Å up to which intensities are fitted. By hand, beyond what the network sees (1.6); from there on patterns
of `standard` are worth less and less (benchmarks/molmnist_forward.py: wrong by 1.6 to 3 % between 1.7 and
2.5)."""
RINGS = 12
"""Of equal width, each with a variance of its own. By hand: 0.16 / Å wide, so that each has many pixels."""
TURNS, ROUNDS = 2, 4
"""How often the images are turned anew, and rounds of Gauss-Newton in between. By hand: with them the fit
takes 40 ms (benchmarks/molmnist_tasks.py, `network + fit`); no other numbers of rounds are on record."""
START_WEIGHT = 25.0
"""Inverse variance with which the start's coefficients are held. The errors of the model are not independent
from pixel to pixel; with less weight a fit of the pattern leads away from the shape (development draws). That
the fit helps at this weight, 35.3 for 35.0 dB without noise, shows in benchmarks/molmnist_tasks.py."""
MODEL_ERROR = 0.05
"""Relative error of the amplitudes of a true shape: atoms are counted in pixels, and all scatter alike here.
Measured: 0.046 (2x2) to 0.084 (9x9); taken is the low end, for all fibrils, by hand."""
_LARGEST_STEP, _LARGEST_TURN = 1.5, 0.03
"""Of one round, in standard deviations and in radians. By hand: slopes hold no farther, more rounds
follow."""
_SMALL_TURN = 1e-3
"""Radians, over which slopes are taken. By hand: 0.04 Å at the rim of 9x9, well above single precision."""

Images = Float[Tensor, "image side side"]
Waves = Complex[Tensor, "image pixel"]


@dataclass(frozen=True)
class Fitted:
    """A shape that explains a pattern.

    `shape` in electrons per pixel, the fibril's axis in the middle, at its `rotation` in radians;
    `coefficients` are the amounts of the directions, `covariance` theirs; `residual` is
    Σ | |F| - k|F obs| | / Σ k|F obs| over the pixels of the fit, which counting noise raises too.
    """

    shape: Float[Tensor, "side side"]
    coefficients: Float[Tensor, " mode"]
    covariance: Float[Tensor, "mode mode"]
    rotation: float
    residual: float


class MeasuredPattern:
    """The pixels of a pattern that tell: half of them, Friedel's mates added, up to `Q_FIT`.

    `pixel` is that of the images (Å), which need not be the window's; `atoms` are what the object is made of.
    """

    def __init__(
        self,
        pattern: Float[np.ndarray, "slow fast"],
        live: Bool[np.ndarray, "slow fast"],
        window: Window,
        pixel: float,
        radiation: Radiation = "xray",
        atoms: Mapping[str, int] = CELLULOSE,
    ) -> None:
        size = len(pattern)
        reach = min(int(Q_FIT * window.side / (2 * np.pi)), (size - 1) // 2)
        cut = slice(size // 2 - reach, size // 2 + reach + 1)
        seen = np.where(live, pattern, 0.0)[cut, cut].astype(np.float32)
        count = live[cut, cut].astype(np.float32)
        # Odd sizes with q = 0 in the middle: reversed, each pixel meets its Friedel mate.
        both, mates = seen + seen[::-1, ::-1], count + count[::-1, ::-1]
        axis = 2 * np.pi / window.side * np.arange(-reach, reach + 1)
        slow, fast = np.meshgrid(axis, axis[reach:], indexing="ij")
        q = np.hypot(slow, fast)
        chosen = (mates[:, reach:] > 0) & (q <= Q_FIT) & (q > 0) & ((fast > 0) | (slow > 0))
        self.chosen = torch.from_numpy(chosen)
        self.intensity = torch.from_numpy(both[:, reach:][chosen])
        self.mates = torch.from_numpy(mates[:, reach:][chosen])
        self.slow, self.fast = torch.from_numpy(axis).float(), torch.from_numpy(axis[reach:]).float()
        q = q[chosen]
        edges = np.linspace(0.0, q.max() if q.size else 1.0, RINGS + 1)[1:-1]
        self.ring = torch.from_numpy(np.digitize(q, edges))
        self.q_slow, self.q_fast = (torch.from_numpy(part[chosen]).float() for part in (slow, fast))
        self.factor = torch.from_numpy(shared_factor(q, radiation, atoms)).float()
        self.pixel = pixel
        self.is_counted = is_counted(self.intensity)

    def waves(self, images: Images, rotation: float) -> Waves:
        """Amplitudes in electrons at the pixels of images that have been turned by `rotation` (radians).

        The images' own transform, over that of a pixel (sinc), times the mean form factor of the atoms.
        """
        side = images.shape[-1]
        place = self.pixel * (torch.arange(side) - (side - 1) / 2)
        slow, fast = (torch.polar(torch.ones(()), axis[:, None] * place) for axis in (self.slow, self.fast))
        half = images.to(torch.complex64) @ fast.T
        amplitude = torch.einsum("rs,ksf->krf", slow, half)[:, self.chosen]
        # Pixels are squares along the images' own axes, so their transform turns with them.
        cos, sin = np.cos(rotation), np.sin(rotation)
        along = cos * self.q_fast + sin * self.q_slow, cos * self.q_slow - sin * self.q_fast
        box = torch.sinc(along[0] * self.pixel / (2 * np.pi)) * torch.sinc(
            along[1] * self.pixel / (2 * np.pi)
        )
        return amplitude * (self.factor / box)


def combined(images: Images, amount: Float[Tensor, " mode"]) -> Float[Tensor, "side side"]:
    """The mean shape and so much of each direction."""
    return images[0] + torch.tensordot(amount, images[1:], 1)


def turned_images(images: Images, rotation: float) -> Images:
    """Images [slow, fast] turned from fast towards slow by `rotation` radians about their middle."""
    cos, sin = float(np.cos(rotation)), float(np.sin(rotation))
    turn = torch.tensor([[cos, sin, 0.0], [-sin, cos, 0.0]])[None]
    grid = F.affine_grid(turn, [1, 1, *images.shape[1:]], align_corners=False)
    return F.grid_sample(images[None], grid, mode="bicubic", align_corners=False)[0]


@torch.no_grad()
def fit_shape(
    measured: MeasuredPattern,
    images: Images,
    coefficients: Float[Tensor, " mode"],
    rotation: float,
    spread: float,
    rest: float,
) -> Fitted:
    """Fit coefficients and rotation (radians) from a start; `images` are the mean shape and the directions.

    `spread` (radians) is what is known of the rotation; `rest` what the directions leave of a shape blurred
    by 1 Å, root mean square in electrons per pixel of the square.
    """
    floor = least_variance(images, rest, measured.pixel)
    known = torch.cat([START_WEIGHT * torch.ones(len(coefficients)), torch.tensor([float(spread) ** -2])])
    begun, amount = rotation, coefficients.clone()
    told = torch.zeros(len(known), len(known))
    for _ in range(TURNS):
        wave, slope = _linear(measured, images, amount, rotation)
        columns = torch.cat([wave[1:], slope[None]])
        away = 0.0
        for _ in range(ROUNDS):
            left, weight, unit = _left(measured, _sum(wave, amount) + away * slope, floor)
            # Only what lies along the amplitude changes an intensity, to first order.
            slopes = (columns.real * unit.real + columns.imag * unit.imag) * weight.sqrt()
            told = slopes @ slopes.T
            offset = torch.cat([amount - coefficients, torch.tensor([rotation + away - begun])])
            pull = slopes @ (left * weight.sqrt()) - known * offset
            move = torch.linalg.solve(told + torch.diag(known), pull)
            move *= min(1.0, _LARGEST_STEP / float(move[:-1].abs().max().clamp_min(1e-9)))
            amount = amount + move[:-1]
            away += float(move[-1].clamp(-_LARGEST_TURN, _LARGEST_TURN))
        rotation += away
    # How sure the amounts are does not count the start, whose own error no one knows.
    covariance = torch.linalg.inv(told + torch.eye(len(known)))[:-1, :-1]
    shape = turned_images(combined(images, amount)[None], rotation)
    return Fitted(
        shape[0], amount, covariance, rotation, residual(measured, measured.waves(shape, rotation)[0])
    )


def _linear(
    measured: MeasuredPattern, images: Images, amount: Float[Tensor, " mode"], rotation: float
) -> tuple[Waves, Complex[Tensor, " pixel"]]:
    """Amplitudes of the images at a rotation, and what a radian more changes of their sum."""
    wave = measured.waves(turned_images(images, rotation), rotation)
    moved = turned_images(combined(images, amount)[None], rotation + _SMALL_TURN)
    return wave, (measured.waves(moved, rotation + _SMALL_TURN)[0] - _sum(wave, amount)) / _SMALL_TURN


def _sum(wave: Waves, amount: Float[Tensor, " mode"]) -> Complex[Tensor, " pixel"]:
    return wave[0] + (amount.to(wave.dtype) @ wave[1:])


def scale_of(measured: MeasuredPattern, model: Complex[Tensor, " pixel"]) -> Tensor:
    """Measured intensity of one electron squared: the likeliest for Poisson counts, a ratio of sums."""
    return measured.intensity.sum() / (measured.mates * model.abs().square()).sum()


def least_variance(images: Images, rest: float, pixel: float) -> float:
    """Variance of an amplitude that no direction explains, if what is left has no scale of its own.

    A Gaussian blur of σ pixels keeps 1 / (4π σ²) of the variance of independent pixels.
    """
    # Half of a sum of squares is in the real part, or in what lies along any one phase.
    squares = rest**2 * images[0].numel() * 4 * torch.pi * (BLUR / pixel) ** 2
    return squares / 2


def _left(
    measured: MeasuredPattern, model: Complex[Tensor, " pixel"], least: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Amplitudes left over, their weights, and the direction in which each pixel's amplitude grows.

    Written in intensities, so that pixels without a count pull as they should.
    """
    scale = scale_of(measured, model) * measured.mates
    square = model.abs().square()
    # A quarter of a count, the variance of the root of a Poisson number, keeps empty pixels from dividing by
    # zero; without counts a millionth of the mean does.
    floor = 0.25 / scale if measured.is_counted else 1e-6 * square.mean()
    length = (square + floor).sqrt()
    left = (measured.intensity / scale - square) / (2 * length)
    count = torch.zeros(RINGS).index_add(0, measured.ring, torch.ones_like(left)).clamp_min(1)
    variance = torch.zeros(RINGS).index_add(0, measured.ring, left.square()) / count
    variance = variance[measured.ring].maximum(least * measured.factor**2)
    variance = variance + MODEL_ERROR**2 * square
    return left, 1 / variance.clamp_min(1e-6 * square.mean()), model / length


def residual(
    measured: MeasuredPattern,
    model: Complex[Tensor, " pixel"],
    intensity: Float[Tensor, " pixel"] | None = None,
) -> float:
    """Σ | |F| - k|F obs| | / Σ k|F obs|, by least squares; of other intensities where given."""
    observed = ((measured.intensity if intensity is None else intensity) / measured.mates).clamp_min(0).sqrt()
    size = model.abs()
    scale = (observed @ size) / (observed @ observed).clamp_min(1e-30)
    return float((size - scale * observed).abs().sum() / (scale * observed).sum().clamp_min(1e-30))
