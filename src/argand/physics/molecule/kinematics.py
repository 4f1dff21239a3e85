"""Batches of poses: motion of atoms under rotations, shifts and torsions."""

import torch
from jaxtyping import Float

from argand.physics.molecule.assembly import Assembly

Poses = Float[torch.Tensor, "poses atoms 3"]
Turns = Float[torch.Tensor, "*n 3 3"]


def random_turns(count: int, generator: torch.Generator) -> Turns:
    """Uniformly distributed rotation matrices, from quaternions with normal components (Shoemake 1992)."""
    quaternion = torch.randn(count, 4, generator=generator)
    w, x, y, z = (quaternion / quaternion.norm(dim=1, keepdim=True)).unbind(1)
    rows = [
        torch.stack([1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)], 1),
        torch.stack([2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)], 1),
        torch.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], 1),
    ]
    return torch.stack(rows, 1)


def turns_of(vectors: Float[torch.Tensor, "*n 3"]) -> Turns:
    """Rotation matrices of rotation vectors, axis times angle in radians (Rodrigues)."""
    angle = vectors.norm(dim=-1, keepdim=True).clamp_min(1e-12)
    x, y, z = (vectors / angle).unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
    angle = angle[..., None]
    return torch.eye(3) + torch.sin(angle) * cross + (1 - torch.cos(angle)) * (cross @ cross)


class Kinematics:
    """Moves of an assembly as tensors."""

    def __init__(self, assembly: Assembly) -> None:
        self.assembly = assembly
        self.masks = torch.as_tensor(assembly.masks, dtype=torch.float32)
        self.copies = len(assembly.copies)
        self.sizes = self.masks.sum(1)
        self.axes = torch.as_tensor(assembly.axes)
        self.owners = torch.as_tensor(assembly.torsion_owner)

    def centres(self, places: Poses) -> Float[torch.Tensor, "poses copies 3"]:
        """Mean of the atoms of each copy."""
        return torch.einsum(
            "kj,pjc->pkc", self.masks[: self.copies] / self.sizes[: self.copies, None], places
        )

    def axis(self, places: Poses, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Unit vector of a torsion's bond and the position of its second atom."""
        first, second = self.axes[number].tolist()
        along = places[:, second] - places[:, first]
        return along / along.norm(dim=1, keepdim=True).clamp_min(1e-9), places[:, second]

    def moved(self, places: Poses, step: Float[torch.Tensor, "poses moves"]) -> Poses:
        """Positions after a step: torsions in sequence, keeping each copy's mean, then rotations and
        shifts."""
        rigid = step[:, : 6 * self.copies].unflatten(1, (self.copies, 6))
        old = self.centres(places)
        places = self.bent(places, step[:, 6 * self.copies :])
        owner = torch.as_tensor(self.assembly.owner)
        places = places - self.centres(places)[:, owner]
        turned = torch.einsum("pjab,pjb->pja", turns_of(rigid[..., :3])[:, owner], places)
        return turned + (old + rigid[..., 3:])[:, owner]

    def bent(self, places: Poses, angles: Float[torch.Tensor, "poses torsions"]) -> Poses:
        """Positions after rotations by `angles` in radians about the torsions' bonds."""
        for number in range(len(self.axes)):
            along, origin = self.axis(places, number)
            turn = turns_of(along * angles[:, number, None])
            apart = places - origin[:, None]
            turned = torch.einsum("pab,pjb->pja", turn, apart) + origin[:, None]
            places = torch.where(self.masks[self.copies + number, :, None] > 0, turned, places)
        return places
