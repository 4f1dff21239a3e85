import numpy as np
import pytest
import torch
from torch import nn

from argand.errors import ArgandError
from argand.physics.crystal.atom import Atoms, structure_factors
from argand.physics.crystal.cell import Cell
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.dual_space import Amplitudes, DualSpace, Recipe
from argand.physics.phasing.fourier import Grid
from argand.systems.patterson.solution.density_box import (
    STEP,
    Sharpener,
    atoms_in_box,
    box_points,
    interpolated,
)
from argand.systems.patterson.solution.density_network import WEIGHTS, CrystalMaps, load_network

CELLS = {
    "P 1": Cell(6.1, 7.3, 8.2, *np.radians([82.0, 97.0, 104.0])),
    "P 21/c": Cell(7.6, 8.9, 9.1, np.pi / 2, np.radians(108.0)),
    "I 4/m": Cell(7.4, 7.4, 9.2),
}


def space_of(name: str, d_min: float = 1.2) -> tuple[DualSpace, Atoms]:
    group, cell = Group.from_name(name), CELLS[name].orthogonalisation
    frac = np.random.default_rng(2).random((4, 3))
    atoms = Atoms(("C", "N", "O", "S"), frac, np.full(4, 0.03), np.ones(4))
    grid = Grid(group, group, cell, d_min, 0.4)
    size = np.abs(structure_factors(atoms, grid.hkl, group, cell))
    return DualSpace(Amplitudes(grid.hkl, size / size.mean(), size), grid, Recipe()), atoms


class Knows(nn.Module):
    """A network that knows the atoms and looks at nothing but the size of its box."""

    def __init__(self, space: DualSpace, atoms: Atoms) -> None:
        super().__init__()
        self.space, self.atoms, self.low = space, atoms, np.zeros(3)

    def forward(self, seen):
        group, cell = self.space.grid.group, self.space.grid.orthogonalisation
        images = np.einsum("oij,nj->oni", group.rotations, self.atoms.frac) + group.translations[:, None]
        steps = np.stack(np.meshgrid(*[np.arange(-3, 4)] * 3, indexing="ij"), -1).reshape(-1, 3)
        whole = (images.reshape(-1, 1, 3) % 1.0 + steps).reshape(-1, 3)
        places = (whole @ cell.T - self.low) / STEP
        shape = tuple(seen.shape[2:])
        near = ((places > -4) & (places < np.array(shape) + 3)).all(1)
        numbers = np.repeat(np.tile([6.0, 7.0, 8.0, 16.0], group.order), len(steps))
        return torch.from_numpy(atoms_in_box(places[near], np.sqrt(numbers[near] / 6), shape))[None, None]


@pytest.mark.parametrize("name", list(CELLS))
def test_what_a_perfect_network_knows_comes_back_as_structure_factors(name):
    space, atoms = space_of(name)
    network = Knows(space, atoms)
    sharpener = Sharpener(network, space, 1.2)
    network.low = sharpener._box[0][0, 0, 0]
    grid = space.grid
    true = structure_factors(atoms, grid.hkl, grid.group, grid.orthogonalisation)
    answer = sharpener.improve(true.astype(np.complex64))
    cosine = np.real(answer * true.conj()) / np.maximum(np.abs(answer * true), 1e-9)
    strong = np.abs(true) > np.median(np.abs(true))
    assert cosine[strong].mean() > 0.97


def test_interpolation_goes_through_the_points_of_a_periodic_map():
    density = np.random.default_rng(0).random((6, 8, 10)).astype(np.float32)
    places = np.array([[0, 0, 0], [5, 7, 9], [6, 8, 10], [-1, 3, 4]], float)
    expected = [density[0, 0, 0], density[5, 7, 9], density[0, 0, 0], density[5, 3, 4]]
    np.testing.assert_allclose(interpolated(density, places, periodic=True), expected, atol=1e-4)


def test_training_cubes_show_the_atoms_where_the_map_has_them():
    settings = CrystalMaps(spoilt=(0.0, 0.0), cycles=0, noise=0.0, missing=0.0, d_min=(1.1, 1.1))
    together = []
    for index in range(6):
        sample = settings.simulate(index, 3)
        assert sample["seen"].shape == (2, 32, 32, 32)
        assert sample["target"].shape == (1, 32, 32, 32)
        together.append(np.corrcoef(sample["seen"][0].ravel(), sample["target"].ravel())[0, 1])
    # Half of these samples have misplaced atoms; the others differ by hydrogen and resolution alone.
    assert max(together) > 0.8


def test_a_turned_box_keeps_its_corner_and_its_steps():
    rotation = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    points = box_points((3, 4, 5), rotation, np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(points[0, 0, 0], [1, 2, 3])
    np.testing.assert_allclose(points[1, 0, 0] - points[0, 0, 0], [0, STEP, 0], atol=1e-12)


def test_the_network_learns_four_cubes():
    torch.manual_seed(0)
    system = CrystalMaps(size=16, widths=(16,), blocks=1)
    samples = [system.simulate(index, 1) for index in range(4)]
    batch = {key: torch.from_numpy(np.stack([sample[key] for sample in samples])) for key in samples[0]}
    network = system.network()
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(40):
        loss, metrics = system.loss(network, batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert metrics["relative_error"] < 0.8


def test_the_shipped_network_sees_atoms_where_phases_are_wrong():
    """Squared error over that of predicting nothing, on crystals that no training saw: 0.30 in validation."""
    system, network = CrystalMaps(), load_network()
    samples = [system.simulate(index, 77) for index in range(8)]
    batch = {key: torch.from_numpy(np.stack([sample[key] for sample in samples])) for key in samples[0]}
    with torch.inference_mode():
        _, metrics = system.loss(network, batch)
    assert metrics["relative_error"] < 0.4


def test_weights_of_another_network_are_refused():
    shipped = WEIGHTS.parent / "patterson-best"
    with pytest.raises(ArgandError):
        load_network(shipped)
