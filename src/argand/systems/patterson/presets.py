"""Named configurations: ours, the published one, and a tiny one for tests."""

from dataclasses import replace

from argand.systems.patterson.maps.superposition import PairFrame
from argand.systems.patterson.simulate import AtomSet
from argand.systems.patterson.solution.density_network import CrystalMaps
from argand.systems.patterson.system import Patterson

PAPER = Patterson(network_name="paper", schedule="constant", learning_rate=1e-3, renewal=(3000, 3))
"""10 atoms of radius 1 in an inner box of 12 of 40 voxels, the printed network and schedule: 3,000 maps, made
anew every 3 epochs. 0.001 is Adam's own default (Kingma and Ba, arXiv 1412.6980); the paper's rate is not
known here."""
PAPER_SMALL = replace(PAPER, atoms=AtomSet(atoms=3, box=16, inner_box=4.8), renewal=None, learning_rate=3e-4)
"""The published network on maps small enough for it to be trained on a processor: a sixteenth of the
voxels, the inner box the same share of the box's side, and as many vectors to a voxel (6 in 9.6³, where the
paper has 90 in 24³). The rate is by hand: in short trials Adam's own did as well here, and on boxes of 20
ended in predicting nothing."""
BEST = Patterson(AtomSet(noise=(0.0, 0.2)))
"""The same atoms, with up to 20 % of noise (by hand), seen superposed."""
FOURIER = Patterson(network_name="fourier", learning_rate=2e-3)
"""The published problem by Fourier layers on the plain map, for comparison; its rate is by hand."""
PRESETS = {
    "best": BEST,
    "fourier": FOURIER,
    "empty-corner": replace(BEST, atoms=replace(BEST.atoms, corner="empty")),
    "paper": PAPER,
    "paper-small": PAPER_SMALL,
    "paper-stream": replace(PAPER, renewal=None),
    "tiny": Patterson(
        AtomSet(atoms=3, box=16, inner_box=5.0), widths=(16,), blocks=1, frame=PairFrame(12, 2), candidates=3
    ),
}
TRAINABLE: dict[str, Patterson | CrystalMaps] = {**PRESETS, "crystal": CrystalMaps()}
"""Also the network for measured crystals, which improves the maps of the iteration."""
