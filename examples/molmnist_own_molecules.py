"""
Diffraction of your own molecules
=================================

Shapes and patterns of a small protein and a piece of DNA, seen from all sides. The same on the command
line, where a network is then trained for them:

.. code-block:: console

   $ argand molmnist simulate --structures a.pdb b.cif --out own.h5 --count 2000 --window 80 --size 80
   $ argand molmnist train own.h5 --out runs/own --max-time 10m
   $ argand molmnist predict "own.h5#0-9" --weights runs/own --out found
   $ argand molmnist evaluate runs/own --set own.h5 --baselines
"""

from pathlib import Path

import numpy as np

from argand.physics.coherent.projection import Window
from argand.systems import molmnist

FOLDER = Path(__file__).parent / "data" / "molecules"

# %%
# A system with a window of 80 Å, sampled with 80 x 80 pixels, and orientations drawn at random.
structures = molmnist.read_structures([FOLDER / "2erl.pdb.gz", FOLDER / "1zff.pdb.gz"], axis="random")
system = molmnist.Molmnist(molmnist.Imaging(Window(80.0, 80)), structures=structures)


def rings(pattern: np.ndarray) -> np.ndarray:
    """Logarithm of the mean intensity of rings one pixel wide, which no rotation about the beam changes."""
    radius = np.hypot(*(np.indices(pattern.shape) - 40)).round().astype(int)
    return np.log([pattern[radius == r].mean() for r in range(1, 22)])


# %%
# Of ten draws of each molecule the first eight are for training, the last one is for testing. The molecule
# of a test pattern is that of the training pattern with the most similar rings.
known = [system.simulate(index, seed=0) for index in range(16)]
for index in (18, 19):
    pair = system.simulate(index, seed=0)
    away = [np.abs(rings(pair["pattern"]) - rings(one["pattern"])).sum() for one in known]
    told, true = (system.kinds[int(one["kind"])] for one in (known[int(np.argmin(away))], pair))
    print(f"found ({told}), truth {true}: {pair['shape'].sum()} electrons, orientation {pair['orientation']}")

# sphinx_gallery_thumbnail_path = 'figures/molmnist-hard.png'
