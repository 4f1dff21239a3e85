"""Counts of a pattern beside those that a bundle expects: the terms that the fit of chains makes small.

Counts are compared by their roots, whose variance is a quarter whatever the count (Anscombe, Biometrika 35,
246, 1948), and by the error of the model, which grows with the amplitude.
"""

import copy

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Complex, Float
from torch import Tensor

from argand.physics.coherent.pattern import is_counted
from argand.physics.coherent.projection import Window

Q_FIT = 1.7
"""1/Å up to which patterns are fitted at last. By hand: to the strongest ring, 200 at 1.6."""
MODEL_ERROR = 0.05
"""Relative error of the amplitudes of a bundle whose every number is right, beside what thermal motion
scatters: sections that turn unevenly, axes that bend more than once. By hand."""
NOISE_FREE = 1e5
"""Photons as which a pattern without noise counts. By hand: more tell no more than the model holds."""
ROOT_SHIFT = 0.375
"""3/8, which makes the variance of the root of a Poisson count most even (Anscombe)."""
_BACKGROUND_Q = 0.5
"""1/Å, standard deviation of the part of the background that falls off, as `exposure.Detector` has it."""
_TAPS = 2
"""Pixels to either side that a point spread reaches: three standard deviations of 0.7 pixels."""

Light = Float[Tensor, "3"]
"""Logits of what the detector adds: the background's share, its flat part, the point spread in pixels."""


class SeenPattern:
    """The pixels of a pattern that tell: half of them, Friedel's mates added, up to `Q_FIT`."""

    def __init__(
        self, pattern: Float[np.ndarray, "slow fast"], live: Bool[np.ndarray, "slow fast"], window: Window
    ) -> None:
        size, step = len(pattern), 2 * np.pi / window.side
        reach = min(int(Q_FIT / step), (size - 1) // 2)
        cut = slice(size // 2 - reach, size // 2 + reach + 1)
        seen = np.where(live, pattern, 0.0)[cut, cut].astype(np.float32)
        count = live[cut, cut].astype(np.float32)
        both, mates = seen + seen[::-1, ::-1], count + count[::-1, ::-1]
        axis = step * np.arange(-reach, reach + 1)
        y, x = np.meshgrid(axis, axis, indexing="ij")
        q = np.hypot(x, y)
        # Half of the plane, and q = 0, which the point spread reaches from.
        half = (q <= Q_FIT) & ((x > 0) | ((x == 0) & (y >= 0)))
        self.reach, self.model_error = reach, MODEL_ERROR
        self.rows, self.columns = (torch.from_numpy(part) for part in np.nonzero(half))
        self.q = torch.from_numpy(np.stack([x[half], y[half]], 1)).float()
        self.length = torch.from_numpy(q[half]).float()
        counts, self.mates = torch.from_numpy(both[half]), torch.from_numpy(mates[half])
        self.counted = is_counted(counts)
        total = float(counts.sum())
        self.counts = counts if self.counted else counts * (NOISE_FREE / max(total, 1e-30))
        self.diffuse = torch.zeros_like(self.length)

    def within(self, q: float, model_error: float) -> "SeenPattern":
        """The pixels nearer to the middle, the model taken for so wrong."""
        part, near = object.__new__(SeenPattern), self.length <= q
        part.__dict__.update(self.__dict__)
        for name in ("rows", "columns", "q", "length", "counts", "mates"):
            setattr(part, name, getattr(self, name)[near])
        part.model_error, part.diffuse = model_error, self.diffuse[near]
        return part

    def scattered(self, diffuse: Float[Tensor, " pixel"]) -> "SeenPattern":
        """The same with this intensity of what thermal motion scatters, in the units of the model's."""
        same = copy.copy(self)
        same.diffuse = diffuse
        return same


def expected_counts(
    seen: SeenPattern, intensity: Float[Tensor, "n pixel"], light: Light
) -> Float[Tensor, "n pixel"]:
    """Counts that each pixel and its mate expect: as many in all as were counted."""
    shine = (_spread(seen, intensity, float(light[2].sigmoid())) + seen.diffuse) * seen.mates
    falling = torch.exp(-(seen.length / _BACKGROUND_Q).square() / 2) * seen.mates
    share, flat = light[0].sigmoid(), light[1].sigmoid()
    around = flat * seen.mates / seen.mates.sum() + (1 - flat) * falling / falling.sum()
    total = seen.counts.sum()
    return total * ((1 - share) * shine / shine.sum(1, keepdim=True).clamp_min(1e-30) + share * around)


def _spread(seen: SeenPattern, intensity: Float[Tensor, "n pixel"], blur: float) -> Tensor:
    """Intensities under a Gaussian point spread of `blur` pixels."""
    side = 2 * seen.reach + 1
    image = intensity.new_zeros(len(intensity), side, side)
    image[:, seen.rows, seen.columns] = intensity
    # Friedel's mates; q = 0 is its own.
    image[:, side - 1 - seen.rows, side - 1 - seen.columns] = intensity
    offset = torch.arange(-_TAPS, _TAPS + 1)
    weight = torch.exp(-(offset**2) / (2 * max(blur, 0.05) ** 2))
    weight = weight / weight.sum()
    for shape in ((1, 1, -1, 1), (1, 1, 1, -1)):
        image = F.conv2d(image[:, None], weight.reshape(shape), padding="same")[:, 0]
    return image[:, seen.rows, seen.columns]


def misfits(seen: SeenPattern, intensity: Float[Tensor, "n pixel"], light: Light) -> Float[Tensor, "n pixel"]:
    """Differences of the roots of expected and measured counts, over their standard deviations."""
    expected = expected_counts(seen, intensity, light)
    error = variances(seen, expected[0], intensity[0], light).sqrt()
    left = ((expected + ROOT_SHIFT).sqrt() - (seen.counts + ROOT_SHIFT).sqrt()) / error
    return torch.where(seen.mates > 0, left, 0.0)


def variances(
    seen: SeenPattern, expected: Float[Tensor, " pixel"], intensity: Float[Tensor, " pixel"], light: Light
) -> Float[Tensor, " pixel"]:
    """Variances of the roots of counts: of counting, of thermal motion and of the model.

    What thermal motion scatters has random phases: half of its intensity is along the amplitude, whose length
    is the root.
    """
    scale = _scale(seen, intensity, light)
    return 0.25 + seen.model_error**2 * expected + scale * seen.mates * seen.diffuse / 2


def _scale(seen: SeenPattern, intensity: Float[Tensor, " pixel"], light: Light) -> Tensor:
    """Counts of a unit of intensity."""
    total = ((intensity + seen.diffuse) * seen.mates).sum().clamp_min(1e-30)
    return seen.counts.sum() * (1 - light[0].sigmoid()) / total


def linearised(
    seen: SeenPattern, waves: Complex[Tensor, "pixel site"], now: Tensor, active: Tensor, light: Light
) -> tuple[Tensor, Tensor]:
    """What is left (measured less expected), and how much of it each active site would take.

    The point spread is left out of the slopes: it blurs what is left as it blurs what is expected.
    """
    wave = waves @ now.to(waves.dtype)
    shine = wave.abs().square()
    expected = expected_counts(seen, shine[None], light)[0]
    error = variances(seen, expected, shine, light).sqrt()
    total = ((shine + seen.diffuse) * seen.mates).sum().clamp_min(1e-30)
    columns = 2 * (wave.conj()[:, None] * waves[:, active]).real * seen.mates[:, None]
    # As many counts are expected in all, whatever the sites.
    columns = columns - ((shine + seen.diffuse) * seen.mates)[:, None] * (columns.sum(0) / total)
    scale = _scale(seen, shine, light)
    slope = torch.where(seen.mates > 0, 0.5 / ((expected + ROOT_SHIFT).sqrt() * error), 0.0)
    return -misfits(seen, shine[None], light)[0], columns * (slope * scale)[:, None]


def changed_costs(
    seen: SeenPattern,
    wave: Complex[Tensor, " pixel"],
    changes: Complex[Tensor, "pixel change"],
    light: Light,
) -> Float[Tensor, " change"]:
    """What each change of the amplitude adds to the cost.

    What it adds to the intensity is not spread between pixels: that would take most of the time.
    """
    shine = wave.abs().square()
    before = expected_counts(seen, shine[None], light)[0]
    total = ((shine + seen.diffuse) * seen.mates).sum().clamp_min(1e-30)
    scale = _scale(seen, shine, light)
    bright = seen.mates * (shine + seen.diffuse)
    around = before - scale * bright
    added = (2 * (wave.conj()[:, None] * changes).real + changes.abs().square()) * seen.mates[:, None]
    # As many counts are expected in all, whatever the sites.
    share = total / (total + added.sum(0)).clamp_min(1e-30)
    after = (around[:, None] + scale * share * bright[:, None] + scale * share * added).clamp_min(0)
    error = variances(seen, before, shine, light).sqrt()
    root = (seen.counts + ROOT_SHIFT).sqrt()
    known = (seen.mates > 0).float() / error.square()
    now = ((before + ROOT_SHIFT).sqrt() - root).square() @ known
    return (((after + ROOT_SHIFT).sqrt() - root[:, None]).square().T @ known - now) / 2
