"""One tilted detector in the conventions of four programs."""

import math

from argand.io.geom import write_geom
from argand.io.poni import read_poni, write_poni
from argand.io.xds import write_xds
from argand.physics.still.detector import BeamGeometry

SHAPE = (2527, 2463)  # (slow, fast)
geometry = BeamGeometry(
    beam_centre_px=(1261.4, 1307.2),  # (fast, slow), 0-based, integer = pixel edge
    distance_mm=351.0,
    wavelength=0.9686,
    pixel_size_mm=(0.172, 0.172),
    pitch=math.radians(0.2),
    yaw=math.radians(-0.3),
)
write_poni("detector.poni", geometry, SHAPE)
write_geom("detector.geom", geometry, SHAPE)
write_xds("detector.xds", geometry, SHAPE)

print(f"beam centre {geometry.beam_centre_px}, foot of the perpendicular {geometry.poni_px}")
print(f"the same from the .poni file: {read_poni('detector.poni').beam_centre_px}")
