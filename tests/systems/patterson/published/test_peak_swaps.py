"""The published reading: weighted peaks, swaps, annealing; and the exact search over signs."""

import torch

from argand.physics.sphere.patterson import intensities_of
from argand.physics.sphere.sphere_fit import select_reflections
from argand.systems.patterson.maps.atom_matching import match_atoms
from argand.systems.patterson.published.peak_swaps import (
    doubled,
    separate_by_swaps,
    sign_search,
    weighted_peaks,
)
from argand.systems.patterson.simulate import AtomSet, simulate_batch

SET = AtomSet(atoms=5, box=32, inner_box=12.0, min_distance=4.0)
MAPS = simulate_batch(SET, range(4), 1)
REFLECTIONS = select_reflections(intensities_of(MAPS.patterson), 6.0)
TRUE = MAPS.positions.float()


def test_weighted_peaks_are_at_the_atoms():
    alone = simulate_batch(SET, range(4), 1).density * 2
    peaks = weighted_peaks(alone, 10)
    off = torch.cdist(TRUE, peaks).amin(2)
    assert off.median() < 0.1


def test_swapping_never_loses_and_finds_the_atoms():
    places = doubled(TRUE, SET.box)
    found = separate_by_swaps(places, REFLECTIONS, 5, 1.0, swaps=400)
    assert (found.course.diff(dim=1) <= 0).all()
    assert (found.course[:, -1] < 0.5 * found.course[:, 0]).all()


def test_annealing_finds_all_the_atoms():
    found = separate_by_swaps(doubled(TRUE, SET.box), REFLECTIONS, 5, 1.0, swaps=800, temperature=0.05)
    assert match_atoms(found.positions, TRUE).solved.float().mean() >= 0.75


def test_the_exact_search_finds_the_hand_of_every_atom():
    about = TRUE - SET.box / 2
    mixed = (
        about
        * torch.where(torch.rand(4, 5, generator=torch.Generator().manual_seed(0)) < 0.5, -1.0, 1.0)[
            ..., None
        ]
    )
    found, misfit = sign_search(mixed, REFLECTIONS, 1.0)
    assert match_atoms(found, TRUE).solved.all()
    assert misfit.max() < 0.01
