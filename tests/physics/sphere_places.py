"""Random places of atoms for the tests of spheres."""

import torch

BOX = 32


def places(count: int = 6, seed: int = 0) -> torch.Tensor:
    """Random positions about the middle, no two nearer than 2 voxels."""
    generator = torch.Generator().manual_seed(seed)
    cells = torch.randperm(27, generator=generator)[:count]
    corner = torch.stack([cells // 9, cells // 3 % 3, cells % 3], dim=-1) * 3.5
    place = corner + 1.5 * torch.rand(count, 3, generator=generator)
    return (place - place.mean(0) + BOX / 2)[None]
