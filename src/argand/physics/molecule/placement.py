"""Possible positions of molecules of given orientations: all trial positions at once."""

import torch
from jaxtyping import Float

from argand.physics.molecule.kinematics import Poses
from argand.physics.molecule.pose_fit import START_U
from argand.physics.molecule.scattering import Scattering

_CHUNK = 1 << 22
"""Reflections x poses x positions at once; set by hand, 16 MiB per array."""


def best_places(
    scattering: Scattering,
    amplitude: Float[torch.Tensor, " n"],
    oriented: Poses,
    shifts: Float[torch.Tensor, "shifts 3"],
    each: int,
    fixed: torch.Tensor | None = None,
) -> tuple[Float[torch.Tensor, "poses each"], torch.Tensor]:
    """The lowest residuals of each orientation over all `shifts` (Å), and the indices of these shifts.

    A shift s multiplies the contribution of an operator by exp(2πi g·s), so all positions of a pose take one
    matrix product per reflection. `fixed` [n] are structure factors of the other atoms. Both outputs are
    [poses, each].
    """
    parts = scattering.parts(oriented)
    damping = scattering.damping(torch.full((1,), START_U))[0]
    parts = parts * damping
    turned = 2 * torch.pi * torch.einsum("ohc,tc->hot", scattering.waves_per_angstrom, shifts)
    right = torch.cat([torch.cos(turned), torch.sin(turned)], 1)
    known = None if fixed is None else fixed * damping
    batch = max(1, _CHUNK // (right.shape[0] * right.shape[2]))
    values, chosen = [], []
    for part in parts.split(batch):
        power = _power(part, right, scattering.centric, known)
        overlap = torch.einsum("hpt,h->pt", power.sqrt(), amplitude).square()
        residual = 1 - overlap / (power.sum(0) * amplitude.square().sum()).clamp_min(1e-20)
        best = residual.topk(min(each, residual.shape[1]), largest=False)
        values.append(best.values)
        chosen.append(best.indices)
    return torch.cat(values), torch.cat(chosen)


def _power(
    part: torch.Tensor, right: torch.Tensor, centric: bool, known: torch.Tensor | None
) -> torch.Tensor:
    """|F|² [n, poses, shifts] of parts [poses, ops, n] rotated by cosines and sines [n, 2 ops, shifts]."""
    part = part.permute(2, 0, 1)
    real = torch.bmm(torch.cat([part.real, -part.imag], 2), right)
    if known is not None:
        real += known.real[:, None, None]
    if centric:
        return real.square_()
    imaginary = torch.bmm(torch.cat([part.imag, part.real], 2), right)
    if known is not None:
        imaginary += known.imag[:, None, None]
    return real.square_().add_(imaginary.square_())
