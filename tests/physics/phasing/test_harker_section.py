"""Harker sections contain the vectors between an atom and its images, and are those of the textbooks."""

import gemmi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.harker_section import HarkerSection, harker_sections_of

KNOWN = {
    "P 21/c": {"v = 1/2", "u = 0, w = 1/2"},
    "P 21 21 21": {"u = 1/2", "v = 1/2", "w = 1/2"},
    "P -1": set(),
    "P 41": {"w = 1/4", "w = 1/2"},
    "C 2": {"v = 0", "v = 1/2"},
    "P n m a": {"u = 1/2", "v = 1/2", "w = 1/2", "v = 1/2, w = 1/2", "u = 0, w = 0", "u = 1/2, v = 0"},
    "P 3": {"w = 0"},
}
"""By hand from the operators in International Tables A: R x + t - x for a general x."""


@pytest.mark.parametrize("name", KNOWN)
def test_sections_are_those_worked_out_by_hand(name: str):
    assert {section.words for section in harker_sections_of(Group.from_name(name))} == KNOWN[name]


def test_a_section_names_its_operators():
    plane, line = harker_sections_of(Group.from_name("P 21/c"))
    assert plane.is_plane
    assert plane.operators == ("-x,y+1/2,-z+1/2",)
    assert not line.is_plane
    assert line.operators == ("x,-y+1/2,z+1/2",)


def contains(section: HarkerSection, vector: np.ndarray) -> bool:
    offs = [float(np.array(row) @ vector - value) for row, value in section.equations]
    return bool(np.abs(np.array(offs) - np.rint(offs)).max() < 1e-6)


@settings(max_examples=60, deadline=None)
@given(number=st.integers(1, 230), seed=st.integers(0, 2**32 - 1))
def test_vectors_between_images_lie_on_the_sections_of_their_operator(number: int, seed: int):
    name = gemmi.find_spacegroup_by_number(number).xhm()
    group, place = Group.from_name(name), np.random.default_rng(seed).uniform(size=3)
    sections = harker_sections_of(group)
    for operation in gemmi.SpaceGroup(name).operations():
        image = np.array(operation.apply_to_xyz(place.tolist()))
        of_it = [section for section in sections if operation.triplet() in section.operators]
        fixed = np.linalg.matrix_rank(np.array(operation.rot) // 24 - np.eye(3))
        assert len(of_it) == (fixed in (1, 2)), operation.triplet()
        for section in of_it:
            assert contains(section, image - place) or contains(section, place - image)
