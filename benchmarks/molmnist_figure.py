"""A pattern of the shipped sample, the shape found from it, and the true shape, in one picture.

python benchmarks/molmnist_figure.py --out docs/figures/molmnist.png
"""

from pathlib import Path
from typing import Annotated

import matplotlib as mpl
import numpy as np
import typer
from report import few_colours

import argand
from argand.systems import molmnist

SIDE = 200.0
"""Side of the sample's window in Å."""
SHOWN = 35.0
"""Half of the side of the shapes that is drawn, in Å; beyond it they are empty."""
DECADES = 7
"""Of intensity that are drawn below the brightest pixel."""


def main(
    out: Annotated[Path, typer.Option(help="The picture.")],
    index: Annotated[int, typer.Option(help="Which pattern of the sample.")] = 14,
) -> None:
    """Draw the picture."""
    from matplotlib import pyplot as plt

    pairs = molmnist.load("sample")
    pattern, truth = (pairs.arrays(name)[index].astype(float) for name in ("pattern", "shape"))
    found = argand.load("molmnist").predict(pattern, pairs.mask, window_side=SIDE).shape
    # A pattern does not tell a shape from its image turned by 180 degrees.
    found = max((found, found[::-1, ::-1]), key=lambda one: float(np.sum(one * truth)))
    figure, panels = plt.subplots(1, 3, figsize=(8.4, 3.1), layout="constrained")
    reach = np.pi * len(pattern) / SIDE
    norm = mpl.colors.LogNorm(pattern.max() / 10**DECADES, pattern.max(), clip=True)
    masked = np.where(pairs.mask, np.maximum(pattern, 1e-30), np.nan)
    panels[0].imshow(masked, norm=norm, cmap="inferno", extent=(-reach, reach, -reach, reach), origin="lower")
    panels[0].set(title="diffraction pattern", xlabel="q (1/Å)")
    for axes, shape, title in zip(panels[1:], (found, truth), ("shape found", "true shape"), strict=True):
        extent = (-SIDE / 2, SIDE / 2, -SIDE / 2, SIDE / 2)
        axes.imshow(shape, cmap="magma", vmin=0, vmax=truth.max(), extent=extent, origin="lower")
        axes.set(title=title, xlabel="Å", xlim=(-SHOWN, SHOWN), ylim=(-SHOWN, SHOWN))
    figure.savefig(out, dpi=100)
    few_colours(out)


if __name__ == "__main__":
    typer.run(main)
