"""Named configurations: the poster's five sets, everything varied, and a tiny one for tests.

The poster names its sets and the window of the centre; it does not print distances, cells or counts,
so those here are ours.
"""

from dataclasses import replace

from argand.physics.still.panel import PANELS
from argand.systems.geometry.simulate import StillSet
from argand.systems.geometry.system import Geometry, Portion

STANDARD = StillSet()
"""Pilatus 6M, cropped to 2460x2460 and binned 3x3 to 820x820, 250 mm, centre within 17 px of the middle.

The size, the window and the 3° of tilt are the poster's."""
REALISTIC = StillSet(
    detectors=(*PANELS, "pilatus-6m", "pilatus-2m", "pilatus-6m", *["random"] * 5),
    crop=None,
    binning=0,
    distance_mm=(80.0, 700.0),
    wavelength=(0.55, 1.6),
    centre_window_px=None,
    centre_window=0.1,
    tilt_max_deg=3.0,
    cell_length=(30.0, 300.0),
    photons_per_mm2=(1.5, 3e4),
    spot_scale=(20.0, 1e5),
    realistic=True,
    powder_share=0.12,
    blank_share=0.04,
)
"""Images of many beamlines. All ranges are by hand, deliberately wide, and not tuned on any measured figure;
benchmarks/geometry_simulator.py --data prints where real images lie within them."""
PRESETS = {
    "standard": Geometry(STANDARD),
    "varied-distance": Geometry(replace(STANDARD, distance_mm=(150.0, 500.0))),
    "flat-background": Geometry(replace(STANDARD, background="flat")),
    "binary": Geometry(replace(STANDARD, binary=True)),
    "long-distance": Geometry(replace(STANDARD, distance_mm=(600.0, 600.0))),
    "realistic": Geometry(REALISTIC),
    "tiny": Geometry(replace(REALISTIC, cell_length=(30.0, 60.0)), width=16),
}
"""The poster's sets by its names; its distances are not printed, so 150 to 500 and 600 mm are by hand."""
COARSE = 6
"""Detector px per cell of the 416 canvas for a side of 2460 px. Binned like this, sets take a tenth of the
time; a binary image is made of finer pixels."""
MIXTURE = (
    Portion(0.12, replace(STANDARD, binning=COARSE)),
    Portion(0.12, replace(STANDARD, distance_mm=(150.0, 600.0), binning=COARSE)),
    Portion(0.08, replace(STANDARD, background="flat", distance_mm=(150.0, 600.0), binning=COARSE)),
    Portion(0.06, replace(STANDARD, binary=True, binning=COARSE // 2)),
)
"""The poster's sets in the mixture with the realistic one. Shares by hand: most images are realistic, and
each of the others is seen some thousands of times."""
PRESETS["best"] = Geometry(REALISTIC, portions=MIXTURE)
PRESETS["paper"] = replace(
    PRESETS["standard"], network_name="resnet18", optimiser_name="sgd", learning_rate=0.01
)
