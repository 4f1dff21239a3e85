"""
Your own model on the Molmnist benchmark
========================================

Any function of patterns can be scored. This one, for a start, looks at the width of the central speckle,
and is scored beside the baselines by

.. code-block:: console

   $ argand molmnist evaluate --model molmnist_model:predict --condition noise-free
"""

import numpy as np

from argand.systems import molmnist

RADII = 12

# %%
# What the model looks at: the intensity near the centre, as a function of the radius.


def rings(patterns: np.ndarray, live: np.ndarray) -> np.ndarray:
    """Logarithm of the mean intensity of the innermost rings, over their first one."""
    axis = np.arange(patterns.shape[-1]) - patterns.shape[-1] // 2
    radius = np.hypot(axis[:, None], axis[None]).round()
    inside = [live & (radius == r) for r in range(3, 3 + RADII)]
    means = [(patterns * ring).sum((1, 2)) / np.maximum(ring.sum((1, 2)), 1) for ring in inside]
    profile = np.log(np.stack(means, 1) + 1e-9)
    return profile - profile[:, :1]


# %%
# The model: the most similar one of the 80 training pairs that come with argand. `live` is False where a
# detector measures nothing.
known = molmnist.load("sample", split="train")
known_patterns = known.arrays("pattern")
known_rings = rings(known_patterns, np.broadcast_to(known.mask, known_patterns.shape))


def predict(patterns: np.ndarray, live: np.ndarray, window_side: float) -> dict[str, np.ndarray]:
    """Fibril, twist and shape of the most similar training pair."""
    away = ((rings(patterns, live)[:, None] - known_rings[None]) ** 2).sum(2)
    nearest = away.argmin(1)
    return {
        "fibril": known.arrays("fibril")[nearest],
        "twist_deg_per_nm": known.arrays("twist_deg_per_nm")[nearest],
        "shape": known.arrays("shape")[nearest],
    }


# %%
# Its answers for the ten test pairs of the sample.
if __name__ == "__main__":
    unknown = molmnist.load("sample", split="test")
    patterns = unknown.arrays("pattern")
    answer = predict(patterns, np.broadcast_to(unknown.mask, patterns.shape), 200.0)
    for told, true in zip(answer["fibril"], unknown.arrays("fibril"), strict=True):
        print(f"found ({molmnist.FIBRILS[told]}), truth {molmnist.FIBRILS[true]}")

# sphinx_gallery_thumbnail_path = 'figures/molmnist.png'
