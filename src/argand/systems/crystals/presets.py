"""Named configurations: ours, the published one, and a tiny one for tests; and how each is trained."""

from typing import Any

from argand.physics.crystal.voxel_box import Box
from argand.systems.crystals.generation.framework_training import Frameworks
from argand.systems.crystals.generation.occupation_training import Occupation
from argand.systems.crystals.network import DENSE
from argand.systems.crystals.system import Crystals

BEST = Crystals()
"""512 Fourier coefficients of the whole cell, computed and read back without a network."""
LINEAR = Crystals("linear")
"""Boxes of 30³ voxels over 10 Å and 300 numbers in closed form: nothing to train, atoms by fitting."""
REFINED = Crystals("refined", stage="joint", learning_rate=1e-3)
"""The same code with a network of 32 channels at 15³ behind it, for density and labels: the shipped
weights."""
PAPER = Crystals("published", dense=DENSE, stage="joint")
"""The published sizes and joint loss: an encoder-decoder of 108 million weights with a latent of 300, and a
segmenter of 64 to 1,024 channels."""
PAPER_SMALL = Crystals("published", encoder_widths=(8, 4), segmenter_widths=(8, 16, 32, 64))
"""The published boxes and latent with far smaller networks, one after the other, for minutes of a processor.

The encoder ends at 8³ voxels: at 2³, with more levels, it learns next to nothing in so short a time. Widths
by hand; benchmarks/crystals_paper.py measures what comes of it."""
# `tiny` is for tests: sizes and rate by hand, so that it learns four samples in seconds.
PRESETS = {
    "best": BEST,
    "linear": LINEAR,
    "refined": REFINED,
    "paper": PAPER,
    "paper-small": PAPER_SMALL,
    "tiny": Crystals(
        "published",
        source="prototypes",
        box=Box(side=6.0, voxels=12),
        latent=32,
        encoder_widths=(8, 16),
        segmenter_widths=(8, 16),
        learning_rate=6e-3,
    ),
}
TRAINABLE: dict[str, Crystals | Occupation | Frameworks] = {
    **PRESETS,
    "occupation": Occupation(),
    "frameworks": Frameworks(),
}
"""Also the networks that draw the elements of new structures, and new frameworks."""
# 18 boxes of a step as published (arXiv 1909.00949; the shipped weights took 8); validation by hand.
# Unclipped steps let the refiner's errors grow a million times after some hundred.
BOX_TRAINING: dict[str, Any] = {
    "batch_size": 18,
    "val_count": 128,
    "val_every_steps": 200,
    "clip_norm": 1.0,
}
OCCUPATION_TRAINING: dict[str, Any] = {
    "batch_size": 128,
    "val_count": 2048,
    "val_every_steps": 250,
    "precision": "fp32",
    # A sample is a row of arrays: sending it costs more than making it.
    "workers": 0,
    "clip_norm": 1.0,
}
FRAMEWORK_TRAINING: dict[str, Any] = OCCUPATION_TRAINING
"""Settings of a training that are not said otherwise; by hand, those that the shipped weights were trained
with."""
