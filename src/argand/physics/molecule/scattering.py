"""Structure factors of batches of poses, and their derivatives with respect to molecular moves."""

import numpy as np
import torch
from jaxtyping import Complex, Float

from argand.physics.crystal.atom import Radiation, form_factors
from argand.physics.crystal.symmetry import Group, inverse_d_squared
from argand.physics.molecule.kinematics import Kinematics, Poses
from argand.typing import Matrix3, Miller

_CHUNK = 1 << 22
"""Waves (poses x operators x reflections x atoms) computed at once; set by hand, 16 MiB per array, about the
size of a processor cache."""


class Scattering:
    """Reflections of one crystal, and the scattering of atoms at Cartesian positions into them.

    F(h) = Σ occ f exp(2πi h·(R x + t)) over operators and atoms, times exp(-8π² U sin²θ/λ²) with one U.
    Operators that differ by a centring are summed once, and with an inversion at the origin twice the real
    part is used.
    """

    def __init__(
        self,
        hkl: Miller,
        group: Group,
        orthogonalisation: Matrix3,
        elements: tuple[str, ...],
        occupancy: Float[np.ndarray, " atoms"],
        radiation: Radiation = "xray",
    ) -> None:
        chosen, self.centric = _needed(group)
        factor = group.order / len(chosen) / (2 if self.centric else 1)
        rows = group.equivalents(hkl)[chosen] @ np.linalg.inv(orthogonalisation)
        self.waves_per_angstrom = torch.as_tensor(rows, dtype=torch.float32)
        turns = group.phases(hkl)[chosen] / (2 * np.pi)
        self.turns = torch.as_tensor(turns % 1.0, dtype=torch.float32)
        squared = inverse_d_squared(hkl, orthogonalisation)
        self.squared = torch.as_tensor(squared, dtype=torch.float32)
        tables = form_factors(elements, squared / 4, radiation)
        size = np.column_stack([tables[element] for element in elements]) * occupancy
        self.size = torch.as_tensor(size * factor * (2 if self.centric else 1), dtype=torch.float32)

    @property
    def reflections(self) -> int:
        """Number of reflections."""
        return len(self.squared)

    def damping(self, u_iso: Float[torch.Tensor, " poses"]) -> Float[torch.Tensor, "poses n"]:
        """exp(-8π² U sin²θ/λ²), U in Å²."""
        return torch.exp(-2 * torch.pi**2 * u_iso[:, None] * self.squared)

    def parts(self, places: Poses) -> Complex[torch.Tensor, "poses ops n"]:
        """Contribution of each operator's images, without damping; in P-1 and the like half of them,
        doubled."""
        return torch.cat([self._parts(part) for part in places.split(self._batch(places))])

    def _parts(self, places: Poses) -> Complex[torch.Tensor, "poses ops n"]:
        cosine, sine = self._waves(places)
        real = torch.einsum("pohj,hj->poh", cosine, self.size)
        return torch.complex(real, torch.einsum("pohj,hj->poh", sine, self.size))

    def factors(self, places: Poses) -> Complex[torch.Tensor, "poses n"]:
        """F of each reflection without damping."""
        if not self.centric:
            return self.parts(places).sum(1)
        real = [
            torch.einsum("pohj,hj->ph", self._waves(part)[0], self.size)
            for part in places.split(self._batch(places))
        ]
        return torch.complex(whole := torch.cat(real), torch.zeros_like(whole))

    def _batch(self, places: Poses) -> int:
        return max(1, _CHUNK // (self.turns.numel() * places.shape[1]))

    def _waves(self, places: Poses) -> tuple[torch.Tensor, torch.Tensor]:
        cycles = torch.einsum("ohc,pjc->pohj", self.waves_per_angstrom, places) + self.turns[..., None]
        angles = 2 * torch.pi * cycles
        return torch.cos(angles), torch.sin(angles)

    def slopes(
        self, places: Poses, motion: Kinematics
    ) -> tuple[Complex[torch.Tensor, "poses n"], Complex[torch.Tensor, "poses n moves"]]:
        """F and its derivatives with respect to all moves of `motion`, in radians and Å, without damping."""
        found = [self._slopes(part, motion) for part in places.split(self._batch(places))]
        return torch.cat([one[0] for one in found]), torch.cat([one[1] for one in found])

    def _slopes(self, places: Poses, motion: Kinematics) -> tuple[torch.Tensor, torch.Tensor]:
        cosine, sine = self._waves(places)
        cosine, sine = cosine * self.size, sine * self.size
        real, imaginary = cosine.sum((1, 3)), sine.sum((1, 3))
        # With an inversion at the origin F has only a real part, and dF = 2πi X only -2π Im X.
        by_sine = self._moments(sine, places, motion)
        if self.centric:
            whole = torch.zeros_like(real)
            return torch.complex(real, whole), torch.complex(-by_sine, torch.zeros_like(by_sine))
        by_cosine = self._moments(cosine, places, motion)
        return torch.complex(real, imaginary), torch.complex(-by_sine, by_cosine)

    def _moments(
        self, wave: torch.Tensor, places: Poses, motion: Kinematics
    ) -> Float[torch.Tensor, "p n moves"]:
        """2π Σ_j w_j g·dx_j for each move: g·(n × (x - q)) = n·((x - q) × g)."""
        groups, copies = len(motion.masks), motion.copies
        count = len(places)
        centres = motion.centres(places)
        origins = torch.cat([centres, places[:, motion.axes[:, 1]]], 1)
        apart = (places[:, None] - origins[:, :, None]) * motion.masks[..., None]
        columns = torch.cat([motion.masks[..., None].expand(count, -1, -1, 1), apart], -1)
        columns = columns.permute(0, 2, 1, 3).flatten(2)
        operators = wave.shape[1]
        found = torch.bmm(wave.flatten(1, 2), columns).unflatten(2, (groups, 4)).unflatten(1, (operators, -1))
        sums, arms = found[..., 0], found[..., 1:]
        rows = self.waves_per_angstrom
        shifts = 2 * torch.pi * torch.einsum("pohk,ohc->phkc", sums[..., :copies], rows)
        torque = 2 * torch.pi * torch.cross(arms, rows[None, :, :, None].expand_as(arms), dim=-1).sum(1)
        rigid = torch.cat([torque[:, :, :copies], shifts], -1).flatten(2)
        if groups == copies:
            return rigid
        along = places[:, motion.axes[:, 1]] - places[:, motion.axes[:, 0]]
        along = along / along.norm(dim=-1, keepdim=True).clamp_min(1e-9)
        bent = torch.einsum("phkc,pkc->phk", torque[:, :, copies:], along)
        # The mean of a copy stays fixed while it bends.
        lever = apart[:, copies:].sum(2) / motion.sizes[motion.owners][None, :, None]
        drift = torch.cross(along, lever, dim=-1)
        return torch.cat([rigid, bent - torch.einsum("phkc,pkc->phk", shifts[:, :, motion.owners], drift)], 2)


def _needed(group: Group) -> tuple[list[int], bool]:
    """Operators without centrings, and whether half of them suffice because of an inversion at the origin."""
    seen: dict[bytes, int] = {}
    for number, rotation in enumerate(group.rotations):
        seen.setdefault(rotation.tobytes(), number)
    inversion = -np.eye(3, dtype=group.rotations.dtype)
    centric = any(
        (rotation == inversion).all() and not np.any(translation)
        for rotation, translation in zip(group.rotations, group.translations, strict=True)
    )
    if not centric:
        return list(seen.values()), False
    kept: list[int] = []
    for key, number in seen.items():
        mate = seen[(-np.frombuffer(key, group.rotations.dtype)).tobytes()]
        if mate not in kept:
            kept.append(number)
    return kept, True
