"""The lattice of a frame's spots as evidence: its prior, and when it is accepted."""

from dataclasses import replace
from itertools import product

import numpy as np
from jaxtyping import Float

from argand.physics.still.detector import BeamGeometry
from argand.physics.still.friedel_centre import friedel_symmetry
from argand.physics.still.lattice import LatticeFit, fit_lattice
from argand.physics.still.lattice_refinement import FREEDOM, Prior
from argand.physics.still.planar_lattice import PlanarLattice, fit_planar_lattice
from argand.physics.still.spot import Spots
from argand.systems.geometry.refine.options import Options

TILT_PRIOR = np.radians(2.0)
"""Standard deviation of each tilt angle about zero that the fits assume, in radians. By hand: tilts of the
simulated sets (within 3°, 1.7° root mean square) agree with it, and those of refinement at beamlines (0.08
to 0.50°) are hardly biased by it."""
MAX_TILT_SIGMAS = 3.0
"""Number of standard deviations of the prior in the largest tilt that the user states. Of 3, 2 and 1.5, the
one with most trusted answers for 40 upright stills of `flat-background`, none of them wrong;
benchmarks/geometry_lattice.py measures it on others."""
LATTICE_SPOTS, LATTICE_SHARE = 20, 0.25
"""Least number of spots that a lattice must explain, and least share of those offered, beyond chance.
By hand: 20 spots are 40 numbers for the 14 of a fit; benchmarks/geometry_simulated.py counts wrong ones."""
FLAT_WAVELENGTH = 0.05
"""Wavelength in Å below which the Ewald sphere is flat: electrons of 60 kV and more.

By hand; the X-rays used for stills are ten times longer.
"""
NET_SHARE, NET_RMS_PX, NET_CHANCE = 0.6, 0.4, 0.05
"""Least share of the spots that a net must explain, its largest residual in px and the largest share
explained by chance. By hand: correct nets of 24 simulated zones had residuals of 0.03 to 0.25 px, others of
0.5 to 20."""
MATE_PX = 3.0
"""Largest distance of a spot's Friedel mate from its expected position, px: the resolution of spots. By
hand."""
WINDOW_PX, LAYER = 150.0, 0.004
"""Nodes that may be the centre of a flat pattern: largest distance from the start, px, and from the plane
across the beam, 1/Å. By hand: many times the error of the network, and the effect of the lattice's unknown
tilt."""


def lattice_prior(sigma: float, options: Options) -> Prior:
    """Prior of centre and tilt from the network (`sigma` px) and the user."""
    # Student's t with four degrees of freedom has 1.4 times its scale for standard deviation. The limits are
    # by hand: below 3 px an overconfident network would exclude the truth, above 60 px there are too many
    # rivals.
    return Prior(float(np.clip(0.7 * sigma, 3.0, 60.0)), tilt_prior(options))


def tilt_prior(options: Options) -> float:
    """Standard deviation of each tilt angle about zero that is assumed, in radians."""
    known = options.max_tilt_deg
    return float(TILT_PRIOR if known is None else np.radians(known) / MAX_TILT_SIGMAS)


def is_flat(geometry: BeamGeometry) -> bool:
    """Whether the Ewald sphere is flat over the detector, as for electrons."""
    return geometry.wavelength < FLAT_WAVELENGTH


def try_lattice(spots: Spots, start: BeamGeometry, sigma: float, options: Options) -> LatticeFit | None:
    """The lattice of the spots about the network's answer, if there is one beyond chance."""
    prior = lattice_prior(sigma, options)
    if is_flat(start):
        return _flat_lattice(spots, start, prior)
    fit = believable(fit_lattice(spots.px, start, prior))
    # By hand: three TILT_PRIOR are 6 degrees, twice the simulated tilts; a stated tilt may be exceeded by
    # half.
    most = 3.0 * TILT_PRIOR if options.max_tilt_deg is None else 1.5 * np.radians(options.max_tilt_deg)
    return fit if fit is not None and fit.geometry.tilt < most else None


def believable(fit: LatticeFit | None) -> LatticeFit | None:
    """The fit, if it explains more spots than by chance with a residual below 3 px."""
    if fit is None:
        return None
    enough = fit.indexed >= max(LATTICE_SPOTS, (LATTICE_SHARE + fit.chance) * fit.offered)
    # By hand: a correct lattice has a residual of fractions of a px.
    return fit if enough and fit.rms_px < 3.0 else None


def _flat_lattice(spots: Spots, start: BeamGeometry, prior: Prior) -> LatticeFit | None:
    """A net or a lattice of the spots on a flat sphere, with the most likely node as its centre."""
    px_per_q = start.wavelength * start.distance_mm / np.asarray(start.pixel_size_mm)
    net = fit_planar_lattice(spots.px, start)
    if net is not None and _is_net(net, float(px_per_q.max())):
        fit = _net_as_fit(net, start, prior, px_per_q)
        steps = np.array(list(product(range(-40, 41), repeat=2)))
        q = net.origin + steps @ net.basis.T
        return _centred(fit, spots, start, prior, np.asarray(start.beam_centre_px) + q * px_per_q)
    fit = believable(fit_lattice(spots.px, start, prior))
    if fit is None or fit.basis is None:
        return None
    steps = np.array(list(product(range(-12, 13), repeat=3)))
    q = steps @ fit.basis.T
    q = q[np.abs(q[:, 2]) < LAYER, :2]
    return _centred(fit, spots, start, prior, np.asarray(fit.geometry.beam_centre_px) + q * px_per_q)


def _is_net(net: PlanarLattice, px_per_q: float) -> bool:
    explained = np.count_nonzero(net.explained)
    enough = explained >= max(LATTICE_SPOTS, NET_SHARE * len(net.explained))
    return bool(enough and net.rms * px_per_q < NET_RMS_PX and net.chance < NET_CHANCE)


def _net_as_fit(net: PlanarLattice, start: BeamGeometry, prior: Prior, px_per_q: np.ndarray) -> LatticeFit:
    """A net as a lattice fit: without a third direction, with tilt and distance from the prior."""
    scale = np.diag(px_per_q)
    covariance = np.zeros((4, 4))
    covariance[:2, :2] = scale @ net.covariance @ scale
    covariance[2:, 2:] = np.eye(2) * prior.tilt**2
    return LatticeFit(
        geometry=start,
        basis=None,
        basis_covariance=None,
        explained=net.explained,
        covariance=covariance,
        indexed=int(np.count_nonzero(net.explained)),
        offered=len(net.explained),
        rms_px=float(net.rms * px_per_q.max()),
        margin=np.inf,
        rival_px=None,
        stretch=1.0,
        stretch_sigma=prior.distance,
        chance=net.chance,
    )


def _centred(
    fit: LatticeFit, spots: Spots, start: BeamGeometry, prior: Prior, nodes: Float[np.ndarray, "c 2"]
) -> LatticeFit | None:
    """The fit with the most likely node as centre, by Friedel's symmetry and the network's answer.

    The network sees the central beam or its shadow. A tilt of a hundredth of a degree moves a flat pattern by
    a node, so tilts cannot decide. The margin is in units of chi², twice the difference in log-likelihood.
    """
    apart2 = np.sum((nodes - np.asarray(start.beam_centre_px)) ** 2, axis=1)
    near = apart2 < WINDOW_PX**2
    if not near.any():
        return None
    nodes, apart2 = nodes[near], apart2[near]
    known = (FREEDOM + 2.0) * np.log1p(apart2 / prior.centre_px**2 / FREEDOM)
    cost = known - 2.0 * friedel_symmetry(spots, fit.explained, nodes, MATE_PX).evidence
    order = np.argsort(cost)
    geometry = fit.geometry.with_centre((nodes[order[0], 0], nodes[order[0], 1]))
    if len(order) == 1:
        return replace(fit, geometry=geometry, margin=np.inf, rival_px=None)
    fast, slow = (float(value) for value in nodes[order[1]])
    margin = float(cost[order[1]] - cost[order[0]])
    return replace(fit, geometry=geometry, margin=margin, rival_px=(fast, slow))
