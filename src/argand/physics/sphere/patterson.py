"""Patterson maps on periodic boxes: the transform of |F|², its shifts, superpositions and peaks.

A map `P[k] = Σ ρ[i] ρ[i + k]` has its origin at index 0, vectors are in voxels. Intensities are |F|² of the
discrete transform of the density, in the half spectrum of `rfftn`.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

SPARSE = 17
"""Stride of the voxels sampled for a median.

Set by hand, for speed: a prime that rarely divides the box side, so that all planes are sampled.
"""

Map = Float[Tensor, "batch box box box"]
Cube = Float[Tensor, "batch size size size"]
Half = Float[Tensor, "batch box box half"]
Vectors = Float[Tensor, "batch count 3"]


def intensities(density: Map) -> Half:
    """|F|² of a density."""
    transform = torch.fft.rfftn(density, dim=(1, 2, 3))
    return transform.real**2 + transform.imag**2


def patterson_map(density: Map) -> Map:
    """Autocorrelation of a density, its origin (Σρ²) at index 0."""
    return map_of(intensities(density), density.shape[-1])


def map_of(half: Half, box: int) -> Map:
    """Patterson map of the intensities."""
    return torch.fft.irfftn(half.to(_complex(half)), s=(box, box, box), dim=(1, 2, 3))


def intensities_of(patterson: Map) -> Half:
    """Intensities of a Patterson map; the inverse of `map_of`."""
    return torch.fft.rfftn(patterson, dim=(1, 2, 3)).real.contiguous()


def _complex(real: Tensor) -> torch.dtype:
    return torch.complex128 if real.dtype == torch.float64 else torch.complex64


def noise_level(patterson: Map) -> Float[Tensor, " batch"]:
    """Relative standard deviation of the intensities' errors, from the map where there are no vectors.

    Valid if vectors fill less than half of the box, all reflections are measured and their errors are
    proportional to them: such errors spread evenly over the map.

    From `patterson` [batch, x, y, z] with its origin at index 0.
    """
    some = patterson.flatten(1)[:, ::SPARSE]
    # The median of |x| of a normal distribution is 0.6745 standard deviations.
    spread = (some - some.median(1, keepdim=True).values).abs().median(1).values / 0.6745
    # Parseval: the root of the sum of squared intensities.
    norm = (patterson.square().sum((1, 2, 3)) * patterson[0].numel()).sqrt()
    return spread * patterson[0].numel() / norm


def frequencies(box: int, device: torch.device | None = None) -> tuple[Tensor, Tensor]:
    """Indices h along a full axis and along the half axis, as floats."""
    full = torch.fft.fftfreq(box, 1 / box, device=device)
    return full, torch.fft.rfftfreq(box, 1 / box, device=device)


def reflection_length(box: int, device: torch.device | None = None) -> Float[Tensor, "box box half"]:
    """|h| of each reflection in units of Nyquist (box / 2)."""
    full, half = frequencies(box, device)
    square = full[:, None, None] ** 2 + full[None, :, None] ** 2 + half[None, None, :] ** 2
    return square.sqrt() / (box / 2)


def alike_for_mates(values: Float[Tensor, "*batch box box half"]) -> Float[Tensor, "*batch box box half"]:
    """Random numbers symmetrised to obey I(h) = I(-h).

    Two planes of the half contain both mates of a pair; there the one stored first is used for both.
    """
    box = values.shape[-2]
    here = torch.arange(box, device=values.device)
    back = (-here) % box
    first = here[:, None] * box + here <= back[:, None] * box + back
    planes = [0, box // 2] if box % 2 == 0 else [0]
    alike = values.clone()
    mates = values[..., back[:, None], back[None, :], :]
    alike[..., planes] = torch.where(first[..., None], values, mates)[..., planes]
    return alike


def window(half: Half, start: Float[Tensor, "batch 3"], size: int) -> Cube:
    """The map on `size`³ points one voxel apart from `start` (voxels, any fraction), by Fourier sums.

    Three small matrix products: cheaper than a shifted transform of the whole box, and exact between
    grid points.
    """
    box = half.shape[1]
    full, rest = frequencies(box, half.device)
    place = start[:, :, None] + torch.arange(size, device=half.device)
    x, y = (_waves(place[:, axis], full, box, half) for axis in (0, 1))
    z = _waves(place[:, 2], rest, box, half) * _mates(rest, box)
    first = torch.einsum("bsx,bxyz->bsyz", x, half.to(x.dtype))
    second = torch.einsum("bty,bsyz->bstz", y, first)
    return torch.einsum("buz,bstz->bstu", z, second).real / box**3


def _mates(rest: Tensor, box: int) -> Tensor:
    """Number of planes that each plane of a half transform represents: itself, and its mate if left out."""
    count = torch.full_like(rest, 2.0)
    count[0] = 1.0
    if box % 2 == 0:
        count[-1] = 1.0
    return count


def _waves(place: Tensor, index: Tensor, box: int, like: Tensor) -> Tensor:
    """exp(-2πi h x / box) as [batch, place, h]; real and even sums do not depend on the sign."""
    turns = place[:, :, None] * index / box
    turns = (turns - turns.round()).to(like.dtype) * (-2 * torch.pi)
    return torch.polar(torch.ones_like(turns), turns)


def superposed(half: Half, vector: Float[Tensor, "batch 3"], size: int) -> tuple[Cube, Cube]:
    """The map shifted by +vector/2 and by -vector/2, on `size`³ voxels about the origin.

    Voxel s stands for the point s + 0.5 - size/2. Where `vector` joins two atoms, both maps have a peak at
    every atom and at every atom's inversion image through the pair's midpoint.
    """
    plus = window(half, vector / 2 + (0.5 - size / 2), size)
    return plus, plus.flip(1, 2, 3)


def values_at(half: Half, points: Vectors) -> Float[Tensor, "batch count"]:
    """The map at any points (voxels), by Fourier sums in three steps."""
    box = half.shape[1]
    full, rest = frequencies(box, half.device)
    x, y = (_waves(points[..., axis], full, box, half) for axis in (0, 1))
    z = _waves(points[..., 2], rest, box, half) * _mates(rest, box)
    first = torch.einsum("bnx,bxyz->bnyz", x, half.to(x.dtype))
    second = torch.einsum("bny,bnyz->bnz", y, first)
    return (z * second).sum(-1).real / box**3


def local_maxima(
    volume: Float[Tensor, "batch x y z"],
    count: int,
    periodic: bool,
    allowed: Bool[Tensor, "x y z"] | None = None,
) -> tuple[Vectors, Float[Tensor, "batch count"]]:
    """The `count` highest local maxima: positions in voxels (voxel 0 is at 0), and heights.

    A maximum exceeds its 26 neighbours; its position is that of the parabola through it and its neighbours
    along each axis. Missing maxima have height -inf. `allowed` masks voxels.
    """
    highest = volume
    for axis in (1, 2, 3):
        highest = _highest_along(highest, axis, periodic)
    candidate = volume == highest
    if allowed is not None:
        candidate = candidate & allowed
    height, index = torch.where(candidate, volume, -torch.inf).flatten(1).topk(count, dim=1)
    return parabola_tops(volume, index, periodic), height


def _highest_along(volume: Tensor, axis: int, periodic: bool) -> Tensor:
    """The highest of each voxel and its two neighbours along an axis."""
    highest, inner = volume.clone(), volume.shape[axis] - 1
    for first, other in ((0, 1), (1, 0)):
        here = highest.narrow(axis, first, inner)
        here.copy_(torch.maximum(here, volume.narrow(axis, other, inner)))
    if periodic:
        for edge, other in ((0, -1), (-1, 0)):
            here = highest.select(axis, edge)
            here.copy_(torch.maximum(here, volume.select(axis, other)))
    return highest


def parabola_tops(
    volume: Float[Tensor, "batch x y z"], index: Tensor, periodic: bool, faint: float | None = None
) -> Vectors:
    """Positions (voxels) of the parabola maxima at voxels given by flat index [batch, count].

    With `faint`, parabolas go through logarithms (exact for Gaussians) of values above it.
    """
    sizes = volume.shape[1:]
    strides = (sizes[1] * sizes[2], sizes[2], 1)
    flat = volume.flatten(1)
    place = torch.stack([index // strides[0], index // strides[1] % sizes[1], index % sizes[2]], dim=-1)

    def value(at: Tensor) -> Tensor:
        found = flat.gather(1, at)
        return found if faint is None else found.clamp_min(faint).log()

    middle = value(index)
    shifts = []
    for axis, (box, stride) in enumerate(zip(sizes, strides, strict=True)):
        here = place[..., axis]
        if periodic:
            down = torch.where(here == 0, box - 1, -1)
            up = torch.where(here == box - 1, 1 - box, 1)
        else:
            down, up = (here - 1).clamp_min(0) - here, (here + 1).clamp_max(box - 1) - here
        below, above = value(index + down * stride), value(index + up * stride)
        # Flat tops stay unchanged; a maximum is at most half a voxel from the highest voxel.
        bend = (2 * middle - below - above).clamp_min(1e-12)
        shifts.append((0.5 * (above - below) / bend).clamp(-0.5, 0.5))
    return place + torch.stack(shifts, dim=-1)
