"""Named configurations: the standard set, the published one, and a tiny one for tests."""

from argand.physics.projection import Window
from argand.systems.molmnist.simulate import Imaging
from argand.systems.molmnist.system import Molmnist

PRESETS = {
    "standard": Molmnist(),
    "published": Molmnist(Imaging(projection="histogram", rotate=False, normalise=False)),
    "tiny": Molmnist(
        Imaging(Window(64.0, 32)), fibrils=("2x2", "3x3"), length=50.0, widths=(8, 16, 32), learning_rate=1e-2
    ),
}
"""`standard`: turned at random, form factors, I(0) masked. `published`: aligned, |FFT|² of the histogram."""
