"""The search for poses: one molecule after the other, least squares, then changes of shape."""

import numpy as np
import torch
from jaxtyping import Float

from argand.errors import InputError
from argand.physics.crystal.atom import is_hydrogen
from argand.physics.crystal.symmetry import inverse_d_squared
from argand.physics.molecule.assembly import Assembly
from argand.physics.molecule.body import centred
from argand.physics.molecule.kinematics import Kinematics, Poses, random_turns
from argand.physics.molecule.origin import allowed_origins, same_crystal, special_places
from argand.physics.molecule.placement import best_places
from argand.physics.molecule.pose_fit import Fit, PoseFit
from argand.physics.molecule.scattering import Scattering
from argand.physics.phasing.refinement import Observed

# The numbers below were chosen by hand on the part `choose` of benchmarks/patterson_molecule.py.
SEARCH_D_MIN = 2.0
"""Finer data, in Å, have no part in the search, whose time grows with their number; the final fit has
them."""
_SCREENED = 150
"""Reflections, the coarsest, by which places are chosen."""
_SPACING = 0.3
"""Distance of places over the resolution of the data."""
_ORIENTATIONS, _PLACES = 512, 1500
"""Orientations of a round, and most places that each is tried at."""
_PLACES_EACH = 2
"""Places of an orientation that may go on."""
_FITTED, _KEPT = 96, 24
"""Poses that are fitted for a few cycles, and those of them that are fitted on."""
_CYCLES = (5, 8)
"""Cycles of the two fits."""
_PARENTS, _NEXT_ORIENTATIONS = 6, 192
"""Partial models, the best and as many others, to which another molecule is added, and orientations of that
molecule tried with each."""
_POOL = 32
"""Poses kept from all rounds."""
_SPREAD = 0.4
"""Radians, standard deviation, by which torsions of a shape are changed before it is tried: 23 degrees."""
_MUTANTS, _CHOSEN = 24, 3
"""Changes of each pose that are looked at, and those of them that are fitted."""
_GENERATIONS = 4
"""Times that torsions of poses are changed in a round."""
_HALF_TURNS = ((1.0, -1.0, -1.0), (-1.0, 1.0, -1.0), (-1.0, -1.0, 1.0))
"""Signs along a molecule's axes of inertia after half a turn about each."""
_SAME_RESIDUAL, _WORTH_COMPARING = 2e-4, 0.05
"""Poses whose residuals differ by less than the first are taken for one, those below the second where they
are the same crystal: two that fit equally well must both be seen."""


class PoseSearch:
    """Poses of an assembly found so far, in `pool`, best first; `round` looks for more."""

    def __init__(self, data: Observed, assembly: Assembly, seed: int = 0) -> None:
        self.data, self.assembly = data, assembly
        self.generator = torch.Generator().manual_seed(seed)
        self.rng = np.random.default_rng(seed)
        squared = inverse_d_squared(data.hkl, data.orthogonalisation)
        coarse = data.part(squared <= max(data.d_min, SEARCH_D_MIN) ** -2 * (1 + 1e-6))
        if not len(coarse.hkl):
            raise InputError(f"no reflections at d >= {SEARCH_D_MIN:g} Å, by which molecules are placed")
        squared = inverse_d_squared(coarse.hkl, data.orthogonalisation)
        limit = np.sort(squared)[min(_SCREENED, len(squared)) - 1]
        first = coarse.part(squared <= limit)
        count = len(assembly.copies)
        self.stages = [_pose_fit(coarse, assembly.of(number + 1)) for number in range(count)]
        self.screens = [_alone(first, assembly, number) for number in range(count)]
        self.fixed = [_pose_fit(first, assembly.of(number)) for number in range(1, count)]
        self.screened = _amplitudes(first)
        self.spacing = _SPACING * coarse.d_min
        self.origins = {hand: allowed_origins(data.group, hand) for hand in (1, -1)}
        self._heavy = np.array([not is_hydrogen(element) for element in assembly.elements])
        self.pool: Fit | None = None
        self.rounds = 0

    @property
    def fit(self) -> PoseFit:
        """The fit of all molecules together."""
        return self.stages[-1]

    def round(self) -> None:
        """New poses, fitted, and, where torsions are free, changes of the best."""
        found = self._first()
        for number in range(1, len(self.stages)):
            found = self._with_next(found, number)
        if len(self.assembly.axes):
            # Poses of a round change among themselves first: beside old ones they would at once be given up.
            found = self._developed(found)
            if self.pool is not None and self.rounds % 2:
                self._keep(self._developed(self.pool.best(_KEPT)))
        self._keep(found)
        self._keep(self._reframed())
        self.rounds += 1

    def _keep(self, found: Fit) -> None:
        pool = found if self.pool is None else self.pool.joined(found)
        pool = pool.best(len(pool))
        kept: list[int] = []
        values = pool.residual.tolist()
        for number in range(len(pool)):
            near = [other for other in kept if values[number] - values[other] < _SAME_RESIDUAL]
            if not any(self._same(pool, number, other) for other in near):
                kept.append(number)
            if len(kept) == _POOL:
                break
        self.pool = pool.take(torch.tensor(kept))

    def _same(self, poses: Fit, first: int, second: int) -> bool:
        """Whether two poses of one residual are one crystal; among bad ones that is not looked at."""
        if poses.residual[first] > _WORTH_COMPARING:
            return True
        cell = self.data.orthogonalisation
        one, other = (
            poses.places[n][self._heavy].double().numpy() @ np.linalg.inv(cell).T for n in (first, second)
        )
        return same_crystal(one, other, self.data.group, cell, self.origins)

    def _first(self) -> Fit:
        """Poses of the first molecule alone."""
        places = self._shapes(0, _ORIENTATIONS)
        shifts, free = self._shifts(0)
        values, chosen = best_places(self.screens[0], self.screened, places, shifts, _PLACES_EACH)
        fit, more = self.stages[0], len(self.stages) > 1
        pose, shift = _lowest(values, chosen, 2 * _FITTED if more else _FITTED)
        start = fit.started(places[pose] + shifts[shift][:, None], free[shift][:, None])
        # A part of the crystal fits little better where it is right: more of its poses go on.
        return _different(fit.refined(start, _CYCLES[0])) if more else self._fitted(fit, start)

    def _with_next(self, found: Fit, number: int) -> Fit:
        """The best partial models, each with another molecule."""
        # The best by themselves are mostly the same ones each time, and need not be right.
        parents = found.best(_PARENTS)
        if len(found) > _PARENTS:
            rest = found.best(len(found)).take(torch.arange(_PARENTS, len(found)))
            drawn = torch.randperm(len(rest), generator=self.generator)[:_PARENTS]
            parents = parents.joined(rest.take(drawn))
        known = self.fixed[number - 1].scattering.factors(parents.places)
        single = len(self.assembly.copies[number].body) == 1
        places = self._shapes(number, 1 if single else _NEXT_ORIENTATIONS)
        shifts, free = self._shifts(number)
        starts, frees, values = [], [], []
        for parent in range(len(parents)):
            fixed = known[parent]
            each = _FITTED // 2 if single else 1
            value, chosen = best_places(self.screens[number], self.screened, places, shifts, each, fixed)
            pose, shift = _lowest(value, chosen, _FITTED // 2)
            added = places[pose] + shifts[shift][:, None]
            old = parents.places[parent].expand(len(added), -1, -1)
            starts.append(torch.cat([old, added], 1))
            old_free = parents.free[parent].expand(len(added), -1, -1, -1)
            frees.append(torch.cat([old_free, free[shift][:, None]], 1))
            values.append(value.flatten().sort().values[: len(pose)])
        order = torch.cat(values).argsort()[: 2 * _FITTED]
        fit = self.stages[number]
        return self._fitted(fit, fit.started(torch.cat(starts)[order], torch.cat(frees)[order]))

    def _fitted(self, fit: PoseFit, start: Fit) -> Fit:
        return fit.refined(fit.refined(start, _CYCLES[0]).best(_KEPT), _CYCLES[1])

    def _shapes(self, number: int, count: int) -> Poses:
        """Shapes of a molecule in random orientations about the origin, its torsions a little changed."""
        body = self.assembly.copies[number].body
        shapes = torch.as_tensor(centred(body.shapes), dtype=torch.float32)
        chosen = shapes[torch.randint(len(shapes), (count,), generator=self.generator)]
        if body.torsions:
            alone = self.screens_motion(number)
            angles = _SPREAD * torch.randn(count, len(body.torsions), generator=self.generator)
            chosen = alone.bent(chosen, angles)
            chosen = chosen - chosen.mean(1, keepdim=True)
        return torch.einsum("pab,pjb->pja", random_turns(count, self.generator), chosen)

    def screens_motion(self, number: int) -> Kinematics:
        """Moves of one molecule alone."""
        return Kinematics(Assembly((self.assembly.copies[number],)))

    def _shifts(self, number: int) -> tuple[Float[torch.Tensor, "n 3"], Float[torch.Tensor, "n 3 3"]]:
        """Places in Å to try a molecule at, and the projector of the shifts that each leaves free.

        The first molecule's origin is open by the allowed shifts and along polar axes, that of others by the
        operators alone.
        """
        cell, group = self.data.orthogonalisation, self.data.group
        keepers = self.assembly.copies[number].keepers
        if keepers > 1:
            frac = special_places(group, cell, keepers, _PLACES // 4, self.rng)
            if not len(frac):
                raise InputError(
                    f"{group.name} has no special position of order {keepers}, which so few molecules "
                    "need; give --units, how many of all molecules together are in the cell"
                )
        else:
            polar = group.polar_axes() if number == 0 else np.zeros(3, bool)
            lengths = np.where(polar, 1.0, np.linalg.norm(cell, axis=0))
            shape = np.linalg.det(cell) / np.prod(np.linalg.norm(cell, axis=0))
            volume = np.prod(lengths) * shape / (len(self.origins[1]) if number == 0 else group.order)
            count = int(np.clip(volume / self.spacing ** (3 - polar.sum()), 1, _PLACES))
            frac = np.where(polar, 0.0, self.rng.random((count, 3)))
        free = [np.eye(3)] * len(frac)
        if keepers > 1:
            inverse = np.linalg.inv(cell)
            free = [cell @ group.site(place, cell, 0.05)[0] @ inverse for place in frac]
        return (
            torch.as_tensor(frac @ cell.T, dtype=torch.float32),
            torch.as_tensor(np.array(free), dtype=torch.float32),
        )

    def _reframed(self) -> Fit:
        """The best poses with molecules turned half about their own axes, or put in each other's place."""
        assert self.pool is not None
        pool, fit = self.pool.best(_PARENTS), self.fit
        others = torch.stack(_turned_over(pool.places, fit.motion), 1)
        count, kinds = others.shape[:2]
        values = fit.residuals(others.flatten(0, 1), pool.u_iso.repeat_interleave(kinds))
        best = values.unflatten(0, (count, kinds)).topk(min(_CHOSEN, kinds), largest=False).indices
        chosen = (best + kinds * torch.arange(count)[:, None]).flatten()
        free = pool.free.repeat_interleave(best.shape[1], 0)
        return self._fitted(fit, fit.started(others.flatten(0, 1)[chosen], free))

    def _turns(self, count: int, torsions: int) -> Float[torch.Tensor, "poses torsions"]:
        """One or two torsions of each pose turned by any angle; some second ones by as much as the first.

        The latter keep a symmetric molecule symmetric.
        """
        angles = torch.zeros(count, torsions)
        draw = torch.rand(count, 4, 1, generator=self.generator)
        which = torch.randint(torsions, (count, 2), generator=self.generator)
        first, other = 2 * torch.pi * draw[:, 0], 2 * torch.pi * draw[:, 1]
        second = torch.where(draw[:, 2] < 0.25, first, torch.where(draw[:, 2] < 0.5, -first, other))
        second = second * (draw[:, 3] < 0.5)
        angles.scatter_(1, which[:, 1:], second)
        return angles.scatter_(1, which[:, :1], first)

    def _developed(self, poses: Fit) -> Fit:
        """Poses after some generations, in each of which torsions are turned elsewhere where that fits
        better."""
        for _ in range(_GENERATIONS):
            poses = self._changed(poses)
        return poses

    def _changed(self, poses: Fit) -> Fit:
        """Each pose, or the best fitted of its changes where that is better."""
        fit, count = self.fit, len(poses)
        places = poses.places.repeat_interleave(_MUTANTS, 0)
        changed = fit.motion.bent(places, self._turns(len(places), len(self.assembly.axes)))
        values = fit.residuals(changed, poses.u_iso.repeat_interleave(_MUTANTS))
        best = values.unflatten(0, (count, _MUTANTS)).topk(_CHOSEN, largest=False).indices
        chosen = (best + _MUTANTS * torch.arange(count)[:, None]).flatten()
        start = fit.started(changed[chosen], poses.free.repeat_interleave(_CHOSEN, 0))
        fitted = fit.refined(start, _CYCLES[0])
        winner = fitted.residual.unflatten(0, (count, _CHOSEN)).argmin(1) + _CHOSEN * torch.arange(count)
        fitted = fit.refined(fitted.take(winner), _CYCLES[1])
        either = poses.joined(fitted)
        return either.take(torch.arange(count) + count * (fitted.residual < poses.residual))


def _different(poses: Fit) -> Fit:
    """Poses in the order of their residuals, one of those that have the same."""
    poses = poses.best(len(poses))
    apart = torch.ones(len(poses), dtype=torch.bool)
    apart[1:] = poses.residual[1:] - poses.residual[:-1] > _SAME_RESIDUAL
    return poses.take(apart)


def _pose_fit(data: Observed, assembly: Assembly) -> PoseFit:
    given = data.hkl, data.group, data.orthogonalisation, assembly.elements, assembly.occupancy
    return PoseFit(Scattering(*given, data.radiation), _amplitudes(data), Kinematics(assembly))


def _alone(data: Observed, assembly: Assembly, number: int) -> Scattering:
    copy = assembly.copies[number]
    occupancy = np.full(len(copy.body), 1 / copy.keepers)
    given = data.hkl, data.group, data.orthogonalisation, copy.body.elements, occupancy
    return Scattering(*given, data.radiation)


def _amplitudes(data: Observed) -> Float[torch.Tensor, " n"]:
    return torch.as_tensor(np.sqrt(np.clip(data.intensity, 0.0, None)), dtype=torch.float32)


def _lowest(values: torch.Tensor, chosen: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows and chosen shifts of the `count` lowest values [poses, each]."""
    order = values.flatten().argsort()[:count]
    return order // values.shape[1], chosen.flatten()[order]


def _turned_over(places: Poses, motion: Kinematics) -> list[Poses]:
    """Each molecule turned half about its three axes of inertia, each two exchanged in four ways."""
    copies, centres = motion.copies, motion.centres(places)
    owner = torch.as_tensor(motion.assembly.owner)
    apart = places - centres[:, owner]
    spread = torch.einsum("kj,pja,pjb->pkab", motion.masks[:copies], apart, apart)
    frames = torch.linalg.eigh(spread + 1e-6 * torch.eye(3)).eigenvectors
    frames = frames * torch.linalg.det(frames)[..., None, None]
    halves = [torch.diag(torch.tensor(signs)) for signs in ((1.0, 1.0, 1.0), *_HALF_TURNS)]
    found = []
    for first in range(copies):
        for second in range(first, copies):
            for half in halves[1:] if first == second else halves:
                turn = frames[:, second] @ half @ frames[:, first].mT
                changed = places.clone()
                for moving, goal, by in ((first, second, turn), (second, first, turn.mT)):
                    atoms = owner == moving
                    changed[:, atoms] = (
                        torch.einsum("pab,pjb->pja", by, apart[:, atoms]) + centres[:, None, goal]
                    )
                found.append(changed)
    return found
