"""Refinement against the intensities, and whether a structure explains them."""

from dataclasses import replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from argand.physics.sphere.atom_moves import cost_of_moves, with_another, without_weakest
from argand.physics.sphere.atom_profile import refine_with_shape, shape_factor
from argand.physics.sphere.patterson import Map, intensities_of, noise_level
from argand.physics.sphere.sphere_fit import (
    SphereModel,
    SphereRefinement,
    SphereReflections,
    refine,
    residual,
    select_reflections,
)

Rows = Int[Tensor, " some"]
Positions = Float[Tensor, "some atom 3"]

LONGEST, FINEST = 0.4, 0.8
"""Largest |h|, in shares of Nyquist, that is judged by; and that noisy data are refined against at last. By
hand: half of the range of |h| is an eighth of the reflections, and low ones let refinement converge from
farther off."""
TRUSTED = 0.15
"""Residual, times the root of the number of atoms, up to which a structure is taken to be right, beyond what
noise makes. One wrong atom leaves 0.6 or more. Less where data end before `LONGEST`: what atoms that are off
leave falls with the square of |h|. By hand, between that and the 0.001 of a right structure without noise;
first 0.1. That it falls with the resolution was added when at a third of it two wrong structures of 200
maps were trusted; benchmarks/patterson.py counts none now."""
REACHED = 0.95
"""Share of `LONGEST` that data reach where they do not end before it: reflections are at whole indices. By
hand."""
COMPLETE = 0.995
"""Share of reflections that must be measured for the noise to be told from the map: what is missing ripples
through the part without vectors, too. By hand; the rest is for intensities that happen to vanish."""
MOST_UNKNOWN = 0.5
"""Residual, times the root of the number of atoms, above which nothing is trusted that the noise read from
the map does not explain. Moving an atom costs 0.3 to 0.5 over their number, so that margins there end the
matter anyhow; by hand."""
LEAST_MARGIN, LEAST_MARGIN_UNKNOWN = 0.3, 2.5
"""Least rise of the squared residual when any one atom is moved, over the squared residual, where the noise
read from the map explains that and where it does not. Of structures with one to three atoms misplaced and
refined again, on the tuning maps of benchmarks/patterson_foreign_maps.py, wrong ones had up to 0.28 with 20
% of noise and up to 1.04 without, right ones 0.34 (20 atoms) and more."""
NOISY = 0.02
"""Relative noise from which more reflections help. By hand."""
NOISE_MARGIN = 1.3
"""Factor on the noise in the limit of the residual, for chance. By hand; benchmarks/patterson.py shows that
it holds at 5 and 20 %: all maps are right and trusted."""
HOPEFUL, PROMISING = 0.5, 3.0
"""Residual below which a structure is refined with atoms of any shape, and share of the limit below which
that goes on. By hand."""
SHAPE_ROUNDS, SHAPE_TURNS = 4, (1, 3)
"""Rounds of least squares in each turn of shape and positions; turns of all, and further ones of what is
promising. By hand."""
ROUNDS, LAST_ROUNDS = 12, 4
"""Most rounds of least squares, and of those against more reflections. By hand; what has not converged then
is completed or tried anew."""


class MapRefinement:
    """Several maps' intensities, to refine and judge structures of any of them (by row) against.

    `radius` of the atoms and all positions in voxels. `limit` is the residual up to which each map's
    structure is trusted: (TRUSTED reach²)² / atoms and the noise's part, added in quadrature. What is above
    `clear`, the first part alone, has to show more, see `trusted`.
    """

    def __init__(self, patterson: Map, radius: float, atoms: int) -> None:
        self.radius, self.box = radius, patterson.shape[-1]
        self.half = intensities_of(patterson)
        self.reflections = select_reflections(self.half, LONGEST * self.box / 2)
        complete = (self.reflections.observed != 0).float().mean(1) >= COMPLETE
        # An intensity that was set to zero comes back from a map in single precision as a little; 1e-7 is by
        # hand.
        whole = (self.half.abs() > 1e-7 * self.half.amax((1, 2, 3), keepdim=True)).float().mean((1, 2, 3))
        complete = complete & (whole >= COMPLETE)
        self.noise = torch.where(complete, noise_level(patterson), 0.0)
        reach = self.reflections.index.norm(dim=1).max() / (LONGEST * self.box / 2)
        self.whole = bool(reach >= REACHED)
        self.clear = TRUSTED * reach**2 / atoms**0.5
        self.limit = (self.clear**2 + (NOISE_MARGIN * self.noise) ** 2).sqrt()

    def _rows(self, reflections: SphereReflections, rows: Rows) -> SphereReflections:
        return replace(reflections, observed=reflections.observed[rows])

    def residual(self, positions: Positions, rows: Rows) -> Float[Tensor, " some"]:
        """Misfit of structures of these maps as they are."""
        reflections = self._rows(self.reflections, rows)
        return residual(reflections, SphereModel.of(reflections, self.radius, 0), self.centred(positions))

    def refined(self, positions: Positions, rows: Rows) -> tuple[Positions, Float[Tensor, " some"]]:
        """Structures of these maps after least squares, and their misfit."""
        reflections = self._rows(self.reflections, rows)
        answer = refine(reflections, self.centred(positions), self.radius, ROUNDS)
        self._free_shape(reflections, rows, answer)
        return answer.positions, answer.residual

    def _free_shape(self, reflections: SphereReflections, rows: Rows, answer: SphereRefinement) -> None:
        """Where spheres of the radius do not explain a map, but atoms of another shape may: these, in
        place."""
        limit = self.limit[rows]
        open_ = ((answer.residual > limit) & (answer.residual < HOPEFUL)).nonzero()[:, 0]
        if not len(open_):
            return
        for turns in SHAPE_TURNS:
            part = self._rows(reflections, open_)
            free = refine_with_shape(part, answer.positions[open_], self.radius, SHAPE_ROUNDS, turns)
            better = free.residual < answer.residual[open_]
            kept = open_[better]
            answer.positions[kept], answer.residual[kept] = free.positions[better], free.residual[better]
            open_ = open_[better & (free.residual < PROMISING * limit[open_])]
            if not len(open_):
                break

    def trusted(
        self, positions: Positions, residual: Float[Tensor, " some"], rows: Rows
    ) -> Bool[Tensor, " some"]:
        """Whether structures of these maps, refined to this residual, are right.

        A residual that is clear is enough. What noise may explain must also be such that no atom can be moved
        without loss, in proportion to the residual, and that neither one atom more nor one fewer fits better.
        """
        answer, limit = residual <= self.clear, self.limit[rows]
        # Where data end early, wrong structures fit as well as noisy right ones.
        most = limit.clamp_min(MOST_UNKNOWN / positions.shape[1] ** 0.5) if self.whole else limit
        open_ = (~answer & (residual <= most)).nonzero()[:, 0]
        if len(open_):
            margin = self._margin(positions[open_], rows[open_]) / residual[open_] ** 2
            least = torch.where(residual <= limit, LEAST_MARGIN, LEAST_MARGIN_UNKNOWN)
            open_ = open_[margin >= least[open_]]
        if len(open_):
            answer[open_] = self._right_count(positions[open_], residual[open_], rows[open_])
        return answer

    def _margin(self, positions: Positions, rows: Rows) -> Float[Tensor, " some"]:
        """Least rise of the squared residual when an atom is moved by more than its radius."""
        alike = self._alike(positions, rows)
        return cost_of_moves(alike, positions, self.radius, self.radius).amin(1)

    def _right_count(
        self, positions: Positions, residual: Float[Tensor, " some"], rows: Rows
    ) -> Bool[Tensor, " some"]:
        """Whether neither one atom more nor one fewer fits better."""
        alike = self._alike(positions, rows)
        right = torch.ones_like(residual, dtype=torch.bool)
        for changed in (with_another, without_weakest):
            _, other = self.refined(changed(alike, positions, self.radius), rows)
            right &= other >= residual
        return right

    def _alike(self, positions: Positions, rows: Rows) -> SphereReflections:
        """These maps' intensities as if atoms were spheres, at the structures' own scale and shape."""
        reflections = self._rows(self.reflections, rows)
        factor = shape_factor(reflections, positions, self.radius)
        return replace(reflections, observed=reflections.observed / factor)

    def sharpened(self, positions: Positions, rows: Rows) -> Positions:
        """Structures that are right, refined against more reflections where data are noisy."""
        noisy = (self.noise[rows] > NOISY).nonzero()[:, 0]
        if not len(noisy):
            return positions
        fine = select_reflections(self.half[rows[noisy]], FINEST * self.box / 2)
        positions = positions.clone()
        positions[noisy] = refine(fine, positions[noisy], self.radius, LAST_ROUNDS).positions
        return positions

    def centred(self, positions: Positions) -> Positions:
        """Moved so that their mean is the box centre."""
        return positions - positions.mean(1, keepdim=True) + self.box / 2
