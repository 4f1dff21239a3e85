"""Batches of poses fitted to amplitudes by damped least squares, with a scale and a U for each."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int

from argand.physics.molecule.kinematics import Kinematics, Poses
from argand.physics.molecule.scattering import Scattering

START_U = 0.05
"""U in Å² of all atoms at the start; typical of organic crystals at room temperature."""
_U_RANGE = (0.005, 0.2)
"""Least and largest common U in Å²; set by hand, beyond the range of crystals with data to 3 Å."""
_CAPS = (0.35, 0.6, 0.6, 0.02)
"""Largest steps: rotation in radians, shift in Å, torsion in radians, U in Å²; set by hand, about half a
basin."""
_DAMPING = (1e-2, 0.3, 4.0)
"""Damping at the start, and its factors after a successful step and after a failed one (Marquardt 1963)."""
_STIFF_U = 0.03
"""Å²; U is restrained to its start with this standard deviation, as coarse data hardly determine it. Set by
hand."""


@dataclass(frozen=True)
class Fit:
    """Poses, the U of each, their residual Σ (k F_c - F_o)² / Σ F_o², and projectors of the copies'
    shifts."""

    places: Poses
    u_iso: Float[torch.Tensor, " poses"]
    residual: Float[torch.Tensor, " poses"]
    free: Float[torch.Tensor, "poses copies 3 3"]

    def take(self, chosen: Int[torch.Tensor, " n"] | Bool[torch.Tensor, " poses"]) -> "Fit":
        """The chosen poses."""
        return Fit(self.places[chosen], self.u_iso[chosen], self.residual[chosen], self.free[chosen])

    def joined(self, other: "Fit") -> "Fit":
        """These poses and others together."""
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Fit(*(torch.cat(pair) for pair in pairs))

    def best(self, count: int) -> "Fit":
        """The `count` poses of lowest residual, in ascending order."""
        return self.take(torch.argsort(self.residual)[:count])

    def __len__(self) -> int:
        return len(self.residual)


class PoseFit:
    """Amplitudes of one crystal and the model fitted to them; `amplitude` F_o [n] on any scale.

    `fixed` are structure factors of other known atoms, without damping: they share U and scale.
    """

    def __init__(
        self, scattering: Scattering, amplitude: Float[torch.Tensor, " n"], motion: Kinematics
    ) -> None:
        self.scattering, self.motion = scattering, motion
        self.amplitude = amplitude / amplitude.square().sum().sqrt()

    def started(self, places: Poses, free: Float[torch.Tensor, "poses copies 3 3"] | None = None) -> Fit:
        """Poses as given, with the usual U."""
        count = len(places)
        if free is None:
            free = torch.eye(3).expand(count, self.motion.copies, 3, 3)
        u_iso = torch.full((count,), START_U)
        return Fit(places, u_iso, self.residuals(places, u_iso), free)

    def residuals(self, places: Poses, u_iso: Float[torch.Tensor, " poses"]) -> Float[torch.Tensor, " poses"]:
        """Σ (k F_c - F_o)² / Σ F_o² at the best scale k of each pose."""
        size = self.scattering.factors(places).abs() * self.scattering.damping(u_iso)
        return misfit(size, self.amplitude)

    def refined(self, fit: Fit, cycles: int, restraint: float = 1.0) -> Fit:
        """The poses after `cycles` cycles of damped least squares; none gets worse."""
        damping = torch.full((len(fit),), _DAMPING[0])
        for _ in range(cycles):
            step = self._step(fit, damping, restraint)
            trial = self._after(fit, step)
            better = trial.residual < fit.residual
            damping = damping * torch.where(better, _DAMPING[1], _DAMPING[2])
            keep = better[:, None, None]
            fit = replace(
                fit,
                places=torch.where(keep, trial.places, fit.places),
                u_iso=torch.where(better, trial.u_iso, fit.u_iso),
                residual=torch.where(better, trial.residual, fit.residual),
            )
        return fit

    def _after(self, fit: Fit, step: Float[torch.Tensor, "poses k"]) -> Fit:
        places = self.motion.moved(fit.places, step[:, : self.motion.assembly.moves])
        u_iso = (fit.u_iso + step[:, -1]).clamp(*_U_RANGE)
        return Fit(places, u_iso, self.residuals(places, u_iso), fit.free)

    def _step(
        self, fit: Fit, damping: Float[torch.Tensor, " poses"], restraint: float
    ) -> Float[torch.Tensor, "poses k"]:
        """Moves and change of U of one cycle; the scale is eliminated."""
        factors, slopes = self.scattering.slopes(fit.places, self.motion)
        damp = self.scattering.damping(fit.u_iso)
        size = factors.abs().clamp_min(1e-9)
        unit = factors / size
        by_move = (unit.real[..., None] * slopes.real + unit.imag[..., None] * slopes.imag) * damp[..., None]
        size = size * damp
        scale = (size @ self.amplitude) / size.square().sum(1)
        by_u = size * (-2 * torch.pi**2 * self.scattering.squared)
        design = torch.cat([self._projected(by_move, fit), by_u[..., None]], 2)
        design = torch.cat([design * scale[:, None, None], size[..., None]], 2).double()
        rest = (self.amplitude - scale[:, None] * size).double()
        normal = design.mT @ design
        right = (design.mT @ rest[..., None])[..., 0]
        variance = rest.square().mean(1)
        diagonal = normal.diagonal(dim1=1, dim2=2)
        ridge = diagonal * damping[:, None] + 1e-7 * diagonal.amax(1, keepdim=True) + 1e-12
        ridge[:, -2] += restraint * variance / _STIFF_U**2
        right[:, -2] += restraint * variance * (START_U - fit.u_iso.double()) / _STIFF_U**2
        step = torch.linalg.solve(normal + torch.diag_embed(ridge), right).float()
        return self._capped(step[:, :-1])

    def _projected(self, by_move: torch.Tensor, fit: Fit) -> torch.Tensor:
        """Derivatives without the shifts forbidden by special positions."""
        copies = self.motion.copies
        rigid = by_move[..., : 6 * copies].unflatten(2, (copies, 6))
        shifts = torch.einsum("phkc,pkcd->phkd", rigid[..., 3:], fit.free)
        return torch.cat([torch.cat([rigid[..., :3], shifts], -1).flatten(2), by_move[..., 6 * copies :]], 2)

    def _capped(self, step: Float[torch.Tensor, "poses k"]) -> Float[torch.Tensor, "poses k"]:
        copies, torsions = self.motion.copies, len(self.motion.axes)
        each = [_CAPS[0]] * 3 + [_CAPS[1]] * 3
        caps = torch.tensor(each * copies + [_CAPS[2]] * torsions + [_CAPS[3]])
        return step.clamp(-caps, caps)


def misfit(
    size: Float[torch.Tensor, "*poses n"], amplitude: Float[torch.Tensor, " n"]
) -> Float[torch.Tensor, "*poses"]:
    """Σ (k F_c - F_o)² / Σ F_o² at the best k, which is 1 - (Σ F_o F_c)² / (Σ F_o² Σ F_c²)."""
    overlap = (size @ amplitude).square()
    return 1 - overlap / (size.square().sum(-1) * amplitude.square().sum()).clamp_min(1e-20)
