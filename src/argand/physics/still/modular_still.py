"""Stills on detectors of panels: the simulator's physics, projected to each panel along the rays."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from argand.physics.noise import count_photons
from argand.physics.still.modular import PanelSet, PlanePanel
from argand.physics.still.panel import Panel
from argand.physics.still.projection import VirtualPlane, pixel_grid, plane_of, projected_area
from argand.physics.still.reflection import deposit_spots
from argand.physics.still.still import Rays, Still, bragg_spots, expected_background, stop_transmission


def expose_panels(
    still: Still, panels: PanelSet, rng: np.random.Generator
) -> list[Float[np.ndarray, "slow fast"]]:
    """Photons on each panel [slow, fast] of a still; of its geometry only the wavelength is used.

    The background is per mm² of an untilted plane at the panels' distance, as in `still`. Photons are counted
    without point spread, hot pixels or overloads.
    """
    plane = plane_of(panels)
    sensor = Panel("plane", plane.shape, plane.pixel_size_mm)
    still = replace(still, geometry=plane.geometry(still.geometry.wavelength), panel=sensor, binning=1)
    spots = bragg_spots(still, rng)
    return [count_photons(rng, _expected(still, panel, plane, *spots)) for panel in panels.panels]


def _expected(
    still: Still,
    panel: PlanePanel,
    plane: VirtualPlane,
    px: np.ndarray,
    counts: np.ndarray,
    covariance: np.ndarray,
) -> Float[np.ndarray, "slow fast"]:
    lab = panel.lab_from_px(pixel_grid(panel.shape))
    slope = lab[..., :2] / lab[..., 2:]
    x, y = np.moveaxis((slope * plane.distance_mm).astype(np.float32), -1, 0)
    rays = Rays(x, y, np.hypot(*np.moveaxis(slope, -1, 0)).astype(np.float32))
    expected = expected_background(still, rays) * projected_area(panel, lab, plane)
    centre, spread = _carried(still, panel, px, covariance)
    # Set by hand: tails of spots up to 20 px outside reach in.
    near = np.all((centre > -20) & (centre < np.array(panel.shape[::-1]) + 20), axis=1)
    deposit_spots(expected, centre[near], counts[near], spread[near])
    if still.stop is not None:
        expected *= stop_transmission(still.stop, rays)
    return expected


def _carried(
    still: Still, panel: PlanePanel, px: np.ndarray, covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and covariances of spots, from px of the plane to px of the panel; NaN for a miss."""

    def on_panel(at: np.ndarray) -> np.ndarray:
        return panel.px_from_direction(still.geometry.lab_from_px(at))

    derivative = np.stack([on_panel(px + step) - on_panel(px - step) for step in np.eye(2) / 2], axis=2)
    return on_panel(px), np.einsum("nij,njk,nlk->nil", derivative, covariance, derivative)
