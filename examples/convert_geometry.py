"""
Detector geometry for other programs
====================================

One tilted detector, written in the conventions of pyFAI, CrystFEL and XDS.
"""

import math

from argand.io.geom import write_geom
from argand.io.poni import read_poni, write_poni
from argand.io.xds import write_xds
from argand.physics.still.detector import BeamGeometry

# %%
# A :class:`~argand.physics.still.detector.BeamGeometry` says where the beam meets the detector, in pixels
# counted from 0 with whole numbers at pixel edges, and how the detector is tilted about that point.
SHAPE = (2527, 2463)  # (slow, fast)
geometry = BeamGeometry(
    beam_centre_px=(1261.4, 1307.2),  # (fast, slow)
    distance_mm=351.0,
    wavelength=0.9686,
    pixel_size_mm=(0.172, 0.172),
    pitch=math.radians(0.2),
    yaw=math.radians(-0.3),
)
write_poni("detector.poni", geometry, SHAPE)
write_geom("detector.geom", geometry, SHAPE)
write_xds("detector.xds", geometry, SHAPE)

# %%
# pyFAI's point of normal incidence (PONI) is the foot of the perpendicular from the sample, not the beam
# centre.
print(f"beam centre {geometry.beam_centre_px}, point of normal incidence {geometry.poni_px}")
print(f"beam centre from the .poni file: {read_poni('detector.poni').beam_centre_px}")

# sphinx_gallery_thumbnail_path = 'figures/thaumatin.jpg'
