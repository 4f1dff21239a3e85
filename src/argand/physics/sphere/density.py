"""Densities on voxels: spheres with exact voxel fractions.

Positions are in voxels with integers at voxel edges, so that the first voxel's centre is at 0.5. Boxes are
periodic.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

Corners = Float[Tensor, "*n"]


def octant_volume(a: Corners, b: Corners, c: Corners, radius: float) -> Corners:
    """Volume of the part x > a, y > b, z > c of a sphere about the origin, for a, b, c >= 0.

    By the divergence theorem it is a third of the sphere's patch times the radius minus each flat face times
    its distance; the patch follows from its angles and the geodesic curvature of its three arcs
    (Gauss-Bonnet).
    """
    square = radius**2
    ra, rb, rc = (torch.sqrt((square - v**2).clamp_min(1e-30)) for v in (a, b, c))
    turn_a, turn_b, turn_c = (_turn(*p) for p in ((b, c, ra), (c, a, rb), (a, b, rc)))
    corners = _angle(a * b / (ra * rb)) + _angle(b * c / (rb * rc)) + _angle(c * a / (rc * ra))
    patch = square * (corners - math.pi) - radius * (a * turn_a + b * turn_b + c * turn_c)
    edge_ab, edge_bc, edge_ca = (
        torch.sqrt((square - v**2 - w**2).clamp_min(0.0)) for v, w in ((a, b), (b, c), (c, a))
    )
    faces = a * _face(ra, turn_a, b, edge_ab, c, edge_ca)
    faces = faces + b * _face(rb, turn_b, c, edge_bc, a, edge_ab)
    faces = faces + c * _face(rc, turn_c, a, edge_ca, b, edge_bc)
    inside = a**2 + b**2 + c**2 < square
    return torch.where(inside, (radius * patch - faces) / 3, 0.0)


def _turn(v: Tensor, w: Tensor, r: Tensor) -> Tensor:
    """Angle of the arc of a circle of radius r within the quadrant beyond v and w."""
    return _angle(v / r) - torch.asin((w / r).clamp_max(1.0))


def _angle(cosine: Tensor) -> Tensor:
    return torch.acos(cosine.clamp_max(1.0))


def _face(r: Tensor, turn: Tensor, v: Tensor, edge_v: Tensor, w: Tensor, edge_w: Tensor) -> Tensor:
    """Area of a disc of radius r within the quadrant beyond v and w: a sector minus two triangles."""
    return 0.5 * (r**2 * turn - v * (edge_v - w) - w * (edge_w - v))


def sphere_fractions(offset: Float[Tensor, "n 3"], radius: float) -> Float[Tensor, "n w w w"]:
    """Exact fraction of each voxel around a sphere that lies inside it.

    `offset` (0 to 1) is the centre's position in its own voxel, the middle one of w = 2 ceil(radius) + 1.
    """
    reach = math.ceil(radius)
    edges = torch.arange(-reach, reach + 2, device=offset.device, dtype=offset.dtype)
    distance = edges[None, :, None] - offset[:, None, :]
    known = torch.cat([torch.zeros_like(distance[:, :1]), distance.abs()], dim=1)
    a, b, c = torch.broadcast_tensors(
        known[:, :, None, None, 0], known[:, None, :, None, 1], known[:, None, None, :, 2]
    )
    volume = octant_volume(a, b, c, radius)
    for axis in range(3):
        volume = _beyond(volume.movedim(axis + 1, 1), distance[:, :, axis]).movedim(1, axis + 1)
    return volume.clamp(0.0, 1.0)


def _beyond(volume: Tensor, distance: Tensor) -> Tensor:
    """Along axis 1, from volumes beyond 0 and beyond |edge| to volumes between neighbouring edges."""
    negative = (distance < 0).view(*distance.shape, 1, 1)
    beyond = torch.where(negative, 2 * volume[:, :1] - volume[:, 1:], volume[:, 1:])
    return beyond[:, :-1] - beyond[:, 1:]


def sphere_density(
    positions: Float[Tensor, "batch atom 3"], box: int, radius: float = 1.0
) -> Float[Tensor, "batch box box box"]:
    """Fraction of each voxel inside spheres, summed over the spheres; positions in voxels, periodic.

    Computed in double precision and returned in the precision of `positions`.
    """
    batch = len(positions)
    exact = positions.double()
    base = torch.floor(exact)
    fractions = sphere_fractions((exact - base).reshape(-1, 3), radius).to(positions.dtype)
    reach = math.ceil(radius)
    steps = torch.arange(-reach, reach + 1, device=positions.device)
    place = (base.long()[:, :, None] + steps[None, None, :, None]) % box
    x, y, z = place.unbind(-1)
    index = (x[..., :, None, None] * box + y[..., None, :, None]) * box + z[..., None, None, :]
    density = torch.zeros(batch, box**3, dtype=positions.dtype, device=positions.device)
    density.scatter_add_(1, index.reshape(batch, -1), fractions.reshape(batch, -1))
    return density.view(batch, box, box, box)


def gaussian_density(
    positions: Float[Tensor, "batch atom 3"], box: int, sigma: float
) -> Float[Tensor, "batch box box box"]:
    """Sum of Gaussians of height 1 and standard deviation `sigma` (voxels) at voxel centres; not periodic."""
    grid = torch.arange(box, device=positions.device, dtype=positions.dtype) + 0.5
    apart = grid[None, None, :, None] - positions[:, :, None, :]
    x, y, z = torch.exp(-0.5 * (apart / sigma) ** 2).unbind(-1)
    return torch.einsum("bai,baj,bak->bijk", x, y, z)
