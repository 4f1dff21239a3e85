"""The symmetries that training multiplies images by are those of the physics."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from argand.physics.still.detector import BeamGeometry
from argand.physics.still.panel import Panel
from argand.physics.still.still import Still, expected_background, trace
from argand.systems.geometry.loss import mirror

SIDE = 96


@pytest.mark.parametrize(("fast", "slow", "swap"), list(product([False, True], repeat=3)))
def test_mirrored_image_is_what_the_mirrored_geometry_would_record(fast, slow, swap):
    geometry = BeamGeometry((40.0, 55.0), 60.0, 1.0, (1.0, 1.0), np.radians(9.0), np.radians(-6.0))
    still = Still(geometry, Panel("square", (SIDE, SIDE), 1.0), polarisation=0.0)
    image = expected_background(still, trace(geometry, still.shape))
    tilt = torch.tensor([[9.0, -6.0]])
    centre = torch.tensor([[40.0, 55.0]])
    # A spot on the beam must stay on it.
    points = torch.tensor([[[40.0, 55.0, 3.0], [10.0, 20.0, 1.0]]])
    image_cells = torch.from_numpy(image)[None, None]
    cells, points, centre, turned = mirror(image_cells, points, centre, tilt, fast, slow, swap)
    assert points[0, 0].tolist() == [*centre[0].tolist(), 3.0]
    apart = (points[0, 1, :2] - centre[0]).abs().tolist()
    assert apart == ([35.0, 30.0] if swap else [30.0, 35.0])
    pitch, yaw = np.radians(turned[0].numpy())
    other = replace(geometry, beam_centre_px=tuple(centre[0].tolist()), pitch=float(pitch), yaw=float(yaw))
    expected = expected_background(replace(still, geometry=other), trace(other, still.shape))
    np.testing.assert_allclose(cells[0, 0].numpy(), expected, rtol=2e-4)
    assert not np.allclose(turned.numpy(), 0.0)
