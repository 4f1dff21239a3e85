"""Detectors in use: their pixels, their module gaps, and coarser versions of them."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from argand.typing import Mask


@dataclass(frozen=True)
class Panel:
    """An area detector's sensor: `shape`, `module` and `gap` are (slow, fast) in px.

    `counting` detectors count photons and have no readout noise; `saturation` is in counts.
    """

    name: str
    shape: tuple[int, int]
    pixel_size_mm: float
    module: tuple[int, int] | None = None
    gap: tuple[int, int] = (0, 0)
    counting: bool = True
    saturation: float = 1.0e6

    @property
    def middle_px(self) -> tuple[float, float]:
        """The middle of the sensor, (fast, slow) px."""
        return self.shape[1] / 2.0, self.shape[0] / 2.0

    def live(self) -> Mask:
        """True where there is sensor, False in the gaps between modules."""
        return _live(self.shape, self.module, self.gap)

    def live_fraction(self, binning: int) -> np.ndarray:
        """Live fraction of each cell of `binning` x `binning` px (float32, incomplete edge cells cut off)."""
        return _live_fraction(self.shape, self.module, self.gap, binning)

    def cropped(self, shape: tuple[int, int]) -> "Panel":
        """A sensor of another shape with the same modules, starting at the first pixel."""
        return replace(self, shape=shape)


@lru_cache(maxsize=32)
def _live(shape: tuple[int, int], module: tuple[int, int] | None, gap: tuple[int, int]) -> Mask:
    along = []
    for axis in range(2):
        inside = np.ones(shape[axis], bool)
        if module is not None:
            inside = np.arange(shape[axis]) % (module[axis] + gap[axis]) < module[axis]
        along.append(inside)
    return along[0][:, None] & along[1][None, :]


@lru_cache(maxsize=32)
def _live_fraction(
    shape: tuple[int, int], module: tuple[int, int] | None, gap: tuple[int, int], binning: int
) -> np.ndarray:
    slow, fast = (n // binning for n in shape)
    live = _live(shape, module, gap)[: slow * binning, : fast * binning]
    return live.reshape(slow, binning, fast, binning).mean(axis=(1, 3), dtype=np.float32)


PILATUS = Panel("pilatus", (195, 487), 0.172, (195, 487), (17, 7))
"""Single module of 487 x 195 pixels of 0.172 mm, with the gaps between modules of the larger detectors."""
EIGER = Panel("eiger", (514, 1030), 0.075, (514, 1030), (37, 10), saturation=65535.0)
"""Single module; 65535 counts are the maximum of 16 bits."""
EIGER2 = Panel("eiger2", (512, 1028), 0.075, (512, 1028), (38, 12), saturation=65535.0)
"""Single modules; the detectors below are tiled from them.

Manufacturers' data sheets; modules and gaps add up to the shapes below, as to 2463 x 2527 with 5 x 12
modules.
"""
PANELS = {
    p.name: p
    for p in (
        replace(PILATUS, name="pilatus-2m", shape=(1679, 1475)),
        replace(PILATUS, name="pilatus-6m", shape=(2527, 2463)),
        replace(EIGER, name="eiger-4m", shape=(2167, 2070)),
        replace(EIGER, name="eiger-9m", shape=(3269, 3110)),
        replace(EIGER, name="eiger-16m", shape=(4371, 4150)),
        replace(EIGER2, name="eiger2-4m", shape=(2162, 2068)),
        replace(EIGER2, name="eiger2-16m", shape=(4362, 4148)),
        Panel("rayonix-225", (3072, 3072), 0.0732, counting=False, saturation=65535.0),
        Panel("rayonix-300", (4096, 4096), 0.0732, counting=False, saturation=65535.0),
        Panel("adsc-q315", (3072, 3072), 0.1026, counting=False, saturation=65535.0),
        Panel("adsc-q4", (2304, 2304), 0.0816, counting=False, saturation=65535.0),
    )
}
"""Sensors by name, from the manufacturers' data sheets."""


def random_panel(rng: np.random.Generator) -> Panel:
    """A random sensor, so that a network does not memorise the known detectors."""
    # All ranges by hand, around the detectors above: 0.05 to 0.2 mm, 120 to 420 mm.
    pixel = float(np.exp(rng.uniform(np.log(0.05), np.log(0.2))))
    side = rng.uniform(120.0, 420.0) / pixel
    shape = (int(side * rng.uniform(0.8, 1.1)), int(side))
    if rng.random() < 0.3:
        return Panel("random", shape, pixel, counting=False, saturation=65535.0)
    module = (int(rng.uniform(150, 600)), int(rng.uniform(250, 1100)))
    return Panel("random", shape, pixel, module, (int(rng.uniform(5, 40)), int(rng.uniform(2, 15))))
