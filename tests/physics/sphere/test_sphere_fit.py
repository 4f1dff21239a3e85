"""The model of spheres on voxels against the transform itself, and least squares from wrong starts."""

from dataclasses import replace

import pytest
import torch

from argand.physics.sphere.density import sphere_density
from argand.physics.sphere.patterson import intensities
from argand.physics.sphere.sphere_fit import (
    SphereModel,
    refine,
    residual,
    select_reflections,
    sphere_factor,
)

BOX = 24


def atoms(batch: int, count: int, seed: int = 0) -> torch.Tensor:
    """Random positions, none overlapping, their mean in the middle."""
    generator = torch.Generator().manual_seed(seed)
    cells = torch.stack([torch.randperm(27, generator=generator)[:count] for _ in range(batch)])
    corner = torch.stack([cells // 9, cells // 3 % 3, cells % 3], dim=-1) * 4.0
    places = corner + 1.5 * torch.rand(batch, count, 3, generator=generator)
    return places - places.mean(1, keepdim=True) + BOX / 2


def test_the_model_agrees_with_the_transform_of_the_voxels():
    positions = atoms(2, 5)
    half = intensities(sphere_density(positions.double(), BOX)).float()
    reflections = select_reflections(half, BOX / 4)
    errors = [
        residual(reflections, SphereModel.of(reflections, 1.0, fold), positions).max() for fold in (0, 1, 2)
    ]
    assert errors[0] < 0.05
    assert errors[1] < 0.005
    assert errors[2] < 0.0015


def test_the_form_factor_begins_with_the_volume():
    factor = sphere_factor(torch.tensor([0.0, 1e-4, 0.02]), 1.5)
    assert factor[0].item() == pytest.approx(4 / 3 * torch.pi * 1.5**3)
    assert factor[1].item() == pytest.approx(factor[0].item(), rel=1e-6)
    assert 0.9 * factor[0] < factor[2] < factor[0]


def test_one_of_each_friedel_pair_is_kept_and_unmeasured_ones_left_out():
    half = intensities(sphere_density(atoms(1, 3), BOX))
    reflections = select_reflections(half, 3.0)
    pairs = {tuple(h) for h in reflections.index.int().tolist()}
    assert len(pairs) == 61
    assert not pairs & {tuple(-v for v in h) for h in pairs}
    assert (0, 0, 0) not in pairs
    half[:, 1] = 0
    half[:, -1] = 0
    assert len(select_reflections(half, 3.0).index) < 61


@pytest.mark.parametrize("spread", [0.1, 0.4])
def test_refinement_comes_back_from_wrong_starts(spread: float):
    positions = atoms(4, 6, 1)
    reflections = select_reflections(intensities(sphere_density(positions.double(), BOX)).float(), BOX / 4)
    start = positions + spread * torch.randn(positions.shape, generator=torch.Generator().manual_seed(2))
    found = refine(reflections, start, 1.0)
    off = found.positions - positions
    off = off - off.mean(1, keepdim=True)
    assert off.norm(dim=-1).max() < 0.02
    assert found.residual.max() < 0.01


def test_maps_are_refined_each_on_its_own():
    positions = atoms(3, 6, 1)
    reflections = select_reflections(intensities(sphere_density(positions.double(), BOX)).float(), BOX / 4)
    noise = torch.randn(positions.shape, generator=torch.Generator().manual_seed(2))
    start = positions + noise * torch.tensor([0.02, 0.3, 3.0])[:, None, None]
    together = refine(reflections, start, 1.0)
    for row in range(3):
        alone = refine(
            replace(reflections, observed=reflections.observed[row : row + 1]), start[row : row + 1], 1.0
        )
        torch.testing.assert_close(alone.residual, together.residual[row : row + 1], rtol=0.02, atol=1e-4)
        assert (
            together.residual[row] <= residual(reflections, SphereModel.of(reflections, 1.0, 0), start)[row]
        )


def test_a_wrong_structure_keeps_a_large_residual():
    reflections = select_reflections(intensities(sphere_density(atoms(2, 6, 3), BOX)), BOX / 4)
    assert refine(reflections, atoms(2, 6, 4), 1.0).residual.min() > 0.05
