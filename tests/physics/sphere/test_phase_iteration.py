"""Projections to and fro: what they keep, and that they find a structure whose phases are unknown."""

import pytest
import torch

from argand.physics.sphere.density import sphere_density
from argand.physics.sphere.patterson import intensities, patterson_map, reflection_length
from argand.physics.sphere.phase_iteration import (
    Magnitudes,
    charge_flipping,
    coarse,
    cropped,
    cube_support,
    error_reduction,
    hybrid_input_output,
    only_within,
)

BOX = 24
PLACES = torch.tensor([[[9.3, 10.2, 12.1], [13.7, 9.4, 10.6], [12.2, 14.1, 13.4], [10.1, 12.9, 15.2]]])
DENSITY = sphere_density(PLACES, BOX)
HALF = intensities(DENSITY)


def misfit(density: torch.Tensor) -> float:
    """Relative error of the amplitudes."""
    found, wanted = intensities(density).sqrt(), HALF.sqrt()
    return float((found - wanted).norm() / wanted.norm())


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_projection_has_the_measured_amplitudes_and_is_idempotent():
    magnitudes = Magnitudes(HALF)
    once = magnitudes.start(generator())
    torch.testing.assert_close(intensities(once), HALF, rtol=1e-3, atol=1e-2)
    torch.testing.assert_close(magnitudes(once), once, rtol=1e-3, atol=1e-4)


def test_what_was_not_measured_is_left_alone():
    limited = only_within(HALF, 0.5)
    noise = torch.rand(1, BOX, BOX, BOX, generator=generator())
    beyond = reflection_length(BOX) > 0.5
    kept = torch.fft.rfftn(Magnitudes(limited)(noise), dim=(1, 2, 3))[0][beyond]
    torch.testing.assert_close(kept, torch.fft.rfftn(noise, dim=(1, 2, 3))[0][beyond], rtol=1e-3, atol=1e-3)


def test_some_of_the_projections_are_the_same_as_of_all():
    both = torch.cat([only_within(HALF, 0.5), 2 * only_within(HALF, 0.5)])
    noise = torch.rand(2, BOX, BOX, BOX, generator=generator())
    some = Magnitudes(both).of(torch.tensor([False, True]))
    torch.testing.assert_close(some(noise[1:]), Magnitudes(both)(noise)[1:], rtol=1e-3, atol=1e-4)


def test_iteration_goes_on_where_it_stopped():
    magnitudes, support = Magnitudes(HALF), cube_support(BOX, 10)
    start = magnitudes.start(generator())
    half_way = hybrid_input_output(magnitudes, start, support, 3)
    at_once = hybrid_input_output(magnitudes, start, support, 6)
    torch.testing.assert_close(hybrid_input_output(magnitudes, half_way, support, 3), at_once)


@pytest.mark.parametrize(("method", "bound"), [("support", 0.1), ("flipping", 0.32)])
def test_a_structure_is_found_from_random_phases(method: str, bound: float):
    magnitudes = Magnitudes(HALF)
    found = []
    assert misfit(magnitudes.start(generator()).clamp_min(0)) > 0.4
    for seed in range(3):
        start = magnitudes.start(generator(seed))
        if method == "support":
            support = cube_support(BOX, 10)
            density = error_reduction(
                magnitudes, hybrid_input_output(magnitudes, start, support, 180), support, 20
            )
        else:
            density = magnitudes(charge_flipping(magnitudes, start, 200)).clamp_min(0)
        found.append(misfit(density))
    assert min(found) < bound


def test_a_map_of_short_vectors_loses_nothing_when_cropped():
    middle = cropped(patterson_map(DENSITY), 18)
    alone = sphere_density(PLACES - 3, 18)
    torch.testing.assert_close(middle, patterson_map(alone), rtol=1e-3, atol=1e-3)


def test_coarser_voxels_have_the_same_reflections():
    limited = torch.where(reflection_length(BOX) <= 0.5, HALF, 0.0)
    small = coarse(limited, 14)
    assert small.shape == (1, 14, 14, 8)
    torch.testing.assert_close(small[0, 3, -2, 4], HALF[0, 3, -2, 4] * (14 / BOX) ** 6)
