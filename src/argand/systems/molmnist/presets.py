"""Named configurations: the standard set, the published one, a tiny one for tests; and those of molecules."""

from dataclasses import replace

from argand.physics.coherent.exposure import Detector
from argand.physics.coherent.projection import Window
from argand.systems.molmnist.fibril.bundle import Bundles
from argand.systems.molmnist.simulate import Imaging
from argand.systems.molmnist.system import Molmnist

PRESETS = {
    "best": Molmnist(training_only=True, network_name="modes", widths=(24, 32, 48, 64), learning_rate=2e-3),
    "standard": Molmnist(),
    "hard": Molmnist(bundles=Bundles(), detector=Detector()),
    "chains": Molmnist(
        bundles=Bundles(),
        detector=Detector(counted=False),
        training_only=True,
        network_name="chains",
        widths=(32, 48, 64, 96),
        polar=(56, 128),
        learning_rate=2e-3,
    ),
    "published": Molmnist(Imaging(projection="histogram", rotate=False, normalise=False)),
    "tiny": Molmnist(
        Imaging(Window(64.0, 32)),
        fibrils=("2x2", "3x3"),
        length=50.0,
        network_name="modes",
        widths=(16, 16),
        polar=(16, 32),
        learning_rate=3e-3,
    ),
    "tiny-chains": Molmnist(
        Imaging(Window(100.0, 64)),
        bundles=Bundles(chains=(4, 30), lengths=(50.0, 100.0)),
        detector=Detector(counted=False),
        network_name="chains",
        widths=(16, 16),
        polar=(16, 32),
        learning_rate=3e-3,
    ),
}
"""`standard`: turned at random, form factors, I(0) masked. `published`: aligned, |FFT|² of the histogram.

Both with the published network; `best` is `standard` with ours. The sizes of its network and its rate are by
hand, for a training of minutes on a processor; benchmarks/molmnist_tasks.py measures it, no other sizes are
on record. `tiny` and, for bundles, `tiny-chains` are for tests: tests/systems/test_contract.py asks that each
learns four samples."""


def trained_on(system: Molmnist) -> Molmnist:
    """What is trained for a set of this configuration: its training split alone, drawn anew.

    For molecules our network, of the size of `best`, and patterns as they are: training counts photons and
    masks by itself, in all the ways that its loss knows.
    """
    system = replace(system, training_only=True)
    if system.structures is None:
        return system
    imaging = replace(system.imaging, photons=None, beam_stop=0.0, blur_px=0.0)
    best = PRESETS["best"]
    return replace(
        system,
        imaging=imaging,
        detector=None,
        network_name=best.network_name,
        widths=best.widths,
        polar=best.polar,
        learning_rate=best.learning_rate,
    )
