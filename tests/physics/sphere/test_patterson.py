"""Patterson maps: what they are blind to, their origin, shifts between voxels, peaks."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given

from argand.physics.sphere.density import sphere_density
from argand.physics.sphere.patterson import (
    alike_for_mates,
    intensities,
    intensities_of,
    local_maxima,
    map_of,
    patterson_map,
    reflection_length,
    superposed,
    values_at,
    window,
)

BOX = 12
seeds = st.integers(0, 1000)


def random_density(seed: int, box: int = BOX, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.rand(2, box, box, box, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@given(seeds, st.tuples(*[st.integers(0, BOX)] * 3))
def test_the_map_is_blind_to_shifts(seed: int, shift: tuple[int, int, int]):
    density = random_density(seed)
    torch.testing.assert_close(patterson_map(density.roll(shift, (1, 2, 3))), patterson_map(density))


@given(seeds)
def test_the_map_is_blind_to_inversion_and_centrosymmetric(seed: int):
    density = random_density(seed)
    patterson = patterson_map(density)
    torch.testing.assert_close(patterson_map(density.flip(1, 2, 3)), patterson)
    torch.testing.assert_close(patterson.flip(1, 2, 3).roll((1, 1, 1), (1, 2, 3)), patterson)


@given(seeds)
def test_the_origin_is_the_sum_of_squares_and_the_highest(seed: int):
    density = random_density(seed)
    patterson = patterson_map(density)
    torch.testing.assert_close(patterson[:, 0, 0, 0], density.square().sum((1, 2, 3)))
    assert (patterson <= patterson[:, :1, :1, :1] + 1e-9).all()


@given(st.tuples(*[st.floats(0.0, 1.0)] * 3))
def test_the_map_of_atoms_hardly_sees_shifts_between_voxels(shift: tuple[float, float, float]):
    positions = torch.tensor([[[3.2, 4.1, 5.7], [6.3, 7.4, 4.4]]], dtype=torch.float64)
    still, moved = (
        patterson_map(sphere_density(p, 14)) for p in (positions, positions + torch.tensor(shift))
    )
    assert (still - moved).abs().max() < 0.15 * still.max()


def test_the_map_agrees_with_its_definition():
    density = random_density(5, 4)
    by_hand = sum(
        density[:, i, j, k, None, None, None] * density.roll((-i, -j, -k), (1, 2, 3))
        for i in range(4)
        for j in range(4)
        for k in range(4)
    )
    torch.testing.assert_close(patterson_map(density), by_hand)


@pytest.mark.parametrize("box", [11, 12])
def test_intensities_and_map_are_each_others_inverse(box: int):
    half = intensities(random_density(6, box))
    torch.testing.assert_close(intensities_of(map_of(half, box)), half)


@pytest.mark.parametrize("box", [11, 12])
def test_a_window_on_voxels_is_cut_from_the_map(box: int):
    half = intensities(random_density(7, box))
    patterson = map_of(half, box)
    cut = window(half, torch.tensor([[2.0, 1.0, 3.0]] * 2, dtype=torch.float64), 4)
    torch.testing.assert_close(cut, patterson[:, 2:6, 1:5, 3:7])
    points = torch.tensor([[[2.0, 1.0, 3.0], [-1.0, 0.0, 5.0]]] * 2, dtype=torch.float64)
    expected = torch.stack([patterson[:, 2, 1, 3], patterson[:, -1, 0, 5]], dim=1)
    torch.testing.assert_close(values_at(half, points), expected)


def test_both_shifted_maps_have_a_peak_at_every_atom_and_image():
    positions = torch.tensor([[[5.5, 6.5, 7.5], [11.5, 9.5, 8.5], [8.5, 12.5, 5.5]]], dtype=torch.float64)
    half = intensities(sphere_density(positions, 20))
    vector = positions[:, 1] - positions[:, 0]
    first, second = superposed(half, vector, 16)
    about = positions[0] - (positions[0, 0] + positions[0, 1]) / 2
    for place in torch.cat([about, -about]):
        x, y, z = (place + 8 - 0.5).round().long().tolist()
        # Midpoints lie between voxels here: a neighbour of a peak still has most of it.
        assert torch.minimum(first, second)[0, x, y, z] > 0.5 * first[0].max() / 3


def test_random_numbers_are_made_to_obey_friedels_law():
    values = alike_for_mates(
        torch.rand(3, BOX, BOX, BOX // 2 + 1, generator=torch.Generator().manual_seed(0))
    )
    back = (-torch.arange(BOX)) % BOX
    for plane in (0, BOX // 2):
        torch.testing.assert_close(values[:, back][:, :, back][..., plane], values[..., plane])
    torch.testing.assert_close(intensities_of(map_of(values, BOX)), values)


def test_lengths_are_in_units_of_nyquist():
    length = reflection_length(BOX)
    assert length[BOX // 2, 0, 0].item() == pytest.approx(1.0)
    assert length[0, 3, 4].item() == pytest.approx(5 / 6)


@pytest.mark.parametrize("periodic", [True, False])
def test_tops_of_parabolas_are_found_between_voxels(periodic: bool):
    place = torch.tensor([4.3, 6.8, 5.1])
    grid = torch.arange(12.0)
    apart = [(grid - p) ** 2 for p in place]
    volume = -(apart[0][:, None, None] + apart[1][None, :, None] + apart[2][None, None, :])[None]
    top, height = local_maxima(volume, 1, periodic)
    torch.testing.assert_close(top[0, 0], place)
    assert height.item() == pytest.approx(volume.max().item())


def test_maxima_that_are_missing_have_no_height():
    volume = torch.zeros(1, 6, 6, 6)
    volume[0, 2, 2, 2] = 1.0
    allowed = torch.zeros(6, 6, 6, dtype=torch.bool)
    allowed[2, 2, 2] = True
    _, height = local_maxima(volume, 2, False, allowed)
    assert height.tolist() == [[1.0, -torch.inf]]
