"""Crystals as frameworks and back, their labels, and those that are drawn."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from argand.errors import ConfigError, InputError
from argand.physics.crystal.overlap import is_crowded
from argand.physics.crystal.structure import Structure, distances, wrapped
from argand.physics.crystal.wyckoff import GROUPS
from argand.systems.crystals.generation.framework import MOST_SITES, framework
from argand.systems.crystals.generation.framework_assembly import Assembly, assembled
from argand.systems.crystals.generation.framework_dataset import ABSENT, arrays_of
from argand.systems.crystals.generation.framework_drawing import draw_frameworks
from argand.systems.crystals.generation.framework_index import (
    FrameworkIndex,
    framework_of,
    label_of,
    load_frameworks,
    save_frameworks,
)
from argand.systems.crystals.generation.framework_network import (
    FrameworkNetwork,
    FrameworkShape,
    log_likelihood,
)
from argand.systems.crystals.generation.framework_sampling import compose_frameworks, draw_with_room
from argand.systems.crystals.generation.wyckoff_table import LETTERS, lettered_positions, positions

FACES = np.array([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])


def crystal(lattice: np.ndarray, species: list[int], places: list[list[float]]) -> Structure:
    return Structure(lattice, np.array(species, np.uint8), wrapped(np.array(places)))


ROCK_SALT = crystal(5.64 * FACES, [11, 17], [[0, 0, 0], [0.5, 0.5, 0.5]])
ZINC_BLENDE = crystal(5.41 * FACES, [30, 16], [[0, 0, 0], [0.25, 0.25, 0.25]])
PEROVSKITE = crystal(
    3.9 * np.eye(3), [22, 38, 8, 8, 8], [[0.5] * 3, [0.0] * 3, [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
)
RUTILE = crystal(
    np.diag([4.594, 4.594, 2.959]),
    [22, 22, 8, 8, 8, 8],
    [[0, 0, 0], [0.5] * 3, [0.305, 0.305, 0], [0.695, 0.695, 0], [0.195, 0.805, 0.5], [0.805, 0.195, 0.5]],
)
LABELS = [(ROCK_SALT, "225:a:b"), (ZINC_BLENDE, "216:a:c"), (PEROVSKITE, "221:a:b:c"), (RUTILE, "136:a:f")]


@pytest.fixture(scope="module")
def network() -> FrameworkNetwork:
    torch.manual_seed(0)
    return FrameworkNetwork(FrameworkShape(width=16, layers=1, heads=2)).eval()


def test_the_table_has_all_positions_of_international_tables() -> None:
    found = {group: "".join(positions(group)) for group in range(1, GROUPS + 1)}
    assert sum(map(len, found.values())) == 1731
    assert all(LETTERS.startswith(letters) for letters in found.values())


@pytest.mark.parametrize("group", [2, 15, 63, 143, 194, 221])
def test_the_table_is_what_spglib_says_now(group: int) -> None:
    for (letter, one), (other, kept) in zip(
        lettered_positions(group).items(), positions(group).items(), strict=True
    ):
        assert letter == other
        np.testing.assert_array_equal(one.normals, kept.normals)
        np.testing.assert_allclose(one.offsets, kept.offsets)


@pytest.mark.parametrize(("structure", "label"), LABELS)
def test_crystals_have_the_labels_of_their_prototypes(structure: Structure, label: str) -> None:
    assert framework_of(structure) == label


@pytest.mark.parametrize(("structure", "label"), LABELS)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_labels_do_not_depend_on_origin_cell_elements_and_order(
    structure: Structure, label: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    change = np.eye(3)
    for _ in range(2):
        i, j = rng.choice(3, 2, replace=False)
        change[i] += change[j]
    order = rng.permutation(len(structure))
    places = (structure.frac_coords + rng.random(3)) @ np.linalg.inv(change)
    swapped = dict(zip(np.unique(structure.species), rng.permutation(50) + 1, strict=False))
    species = np.array([swapped[z] for z in structure.species], np.uint8)
    mirror = np.diag([1.0, 1.0, rng.choice([-1.0, 1.0])])
    other = Structure(change @ structure.lattice @ mirror, species[order], wrapped(places)[order])
    assert framework_of(other) == label


@pytest.mark.parametrize("structure", [one for one, _ in LABELS])
def test_a_crystal_comes_back_from_its_framework(structure: Structure) -> None:
    found = framework(structure)
    assert found is not None
    again = assembled(found)
    assert again is not None
    assert (found.sites, again.formula) == (len(structure), structure.formula)
    assert again.volume == pytest.approx(structure.volume, rel=1e-6)
    before, after = (np.sort(distances(one.lattice, one.frac_coords).ravel()) for one in (structure, again))
    # A 96th of the longest side, both ways.
    np.testing.assert_allclose(after, before, atol=0.06)
    assert framework_of(again) == framework_of(structure)


def test_the_list_knows_what_was_written_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "frameworks.safetensors"
    assert save_frameworks(path, [label for _, label in LABELS[:3]] * 2) == 3
    index = load_frameworks(path)
    assert [index.known(one) for one, _ in LABELS] == [True, True, True, False]
    with pytest.raises(InputError, match="no such file"):
        load_frameworks(tmp_path / "none.safetensors")


def test_the_shipped_list_knows_common_prototypes() -> None:
    index = load_frameworks()
    assert isinstance(index, FrameworkIndex)
    assert all(index.known(one) for one, _ in LABELS)
    assert not index.holds(["225:a:b:c:d:e:f:h:i:j:k:l"])[0]
    many = Structure(np.eye(3) * 9, np.full(21, 6, np.uint8), np.random.default_rng(0).random((21, 3)))
    assert index.known(many) is None


def test_likelihoods_of_all_letters_add_up_to_one_and_nothing_illegal_is_likely(
    network: FrameworkNetwork,
) -> None:
    arrays = arrays_of([found for one, _ in LABELS if (found := framework(one))])
    batch = {name: torch.from_numpy(values) for name, values in arrays.items()}
    with torch.inference_mode():
        parts = log_likelihood(network, batch)
        group = batch["group"].long() - 1
        letters = batch["letters"].long()
        letters = letters.masked_fill(letters == ABSENT, len(LETTERS))
        logits = network.letter_logits(network(batch)[:, : MOST_SITES + 1], group, letters)
    assert all(torch.isfinite(value).all() for value in parts.values())
    start = logits[:, 0].softmax(-1)
    for row, number in enumerate(batch["group"].tolist()):
        assert start[row, : len(positions(number))].sum() == pytest.approx(1.0, abs=1e-5)
    # No end before the first orbit; after rutile's a and f come no more a.
    assert (start[:, -1] == 0).all()
    assert torch.isinf(logits[3, 2, 0])


def test_the_network_looks_at_earlier_choices_alone(network: FrameworkNetwork) -> None:
    found = framework(RUTILE)
    assert found is not None
    batch = {name: torch.from_numpy(values) for name, values in arrays_of([found]).items()}
    other = {name: values.clone() for name, values in batch.items()}
    other["places"][0, 1] = 7
    other["cell"][0] = 0.3
    with torch.inference_mode():
        before, after = network(batch), network(other)
    torch.testing.assert_close(before[:, : MOST_SITES + 2], after[:, : MOST_SITES + 2])
    other["elements"][0, 1] = 9
    with torch.inference_mode():
        after = network(other)
    torch.testing.assert_close(before[:, :2], after[:, :2])
    assert not torch.allclose(before[:, 2], after[:, 2])


def test_what_is_drawn_is_legal_has_room_and_is_fixed_by_the_seed(network: FrameworkNetwork) -> None:
    drawn, again = (draw_frameworks(network, 24, 5, 1.0) for _ in range(2))
    made = [one.structure for one in drawn if one.structure is not None]
    assert len(made) > 5
    for one, other in zip(drawn, again, strict=True):
        assert (one.group, one.letters.tolist()) == (other.group, other.letters.tolist())
        names = list(positions(one.group).values())
        fixed = [n for n in one.letters.tolist() if names[n].freedom == 0]
        assert len(set(fixed)) == len(fixed)
        assert one.letters.tolist() == sorted(one.letters.tolist())
    for one in made:
        assert len(one) <= MOST_SITES
        assert not is_crowded(one)
    same = [framework(one.structure) for one in drawn if one.structure is not None]
    groups = [one.group for one in drawn if one.structure is not None]
    # Places on special values may add symmetry; they never take any away.
    assert np.mean([a is not None and a.group == b for a, b in zip(same, groups, strict=True)]) > 0.5


def test_sites_that_fall_together_are_refused() -> None:
    # Letter e of Fm-3m, (x, 0, 0), is six sites in the primitive cell, and one at x = 0.
    made = Assembly(225, np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0]), 6)
    assert made.orbit(4, np.array([24, 0, 0])) is not None
    assert made.orbit(4, np.array([0, 0, 0])) is None


def test_a_cell_whose_angles_do_not_close_is_refused() -> None:
    assert not Assembly(1, np.array([1.0, 0.0, 0.0, -0.9, -0.9, -0.9]), 1).is_open


@pytest.mark.parametrize(("count", "temperature", "said"), [(0, 1.0, "count"), (1, 0.0, "temperature")])
def test_bad_requests_are_refused(
    network: FrameworkNetwork, count: int, temperature: float, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        draw_with_room(network, count, 0, temperature)


def test_shipped_weights_compose_crystals() -> None:
    made = compose_frameworks(3, seed=1)
    assert len(made) == 3
    assert all(name.startswith("frameworks:SG") for name, _ in made)
    assert not any(is_crowded(one) for _, one in made)


def test_missing_weights_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no weights"):
        compose_frameworks(1, 0, weights=tmp_path / "none")


def test_quartz_and_its_mirror_image_are_one_framework() -> None:
    # Alpha quartz: Si on 3a of P3(1)21 at x = 0.4697, O at (0.4135, 0.2669, 0.1191) (Levien et al. 1980).
    cell = np.array([[4.916, 0, 0], [-2.458, 4.916 * 0.75**0.5, 0], [0, 0, 5.4054]])
    cells = {152: cell, 154: cell @ np.diag([1.0, 1.0, -1.0])}
    silicon = np.array([[0.4697, 0, 1 / 3], [0, 0.4697, 2 / 3], [0.5303, 0.5303, 0]])
    x, y, z = 0.4135, 0.2669, 0.1191 + 1 / 3
    turned = [(x, y, z), (-y, x - y, z + 1 / 3), (y - x, -x, z + 2 / 3)]
    swapped = [(y, x, -z), (x - y, -y, -z + 2 / 3), (-x, y - x, -z + 1 / 3)]
    places = np.concatenate([silicon, turned, swapped])
    quartz = [crystal(one, [14] * 3 + [8] * 6, places.tolist()) for one in cells.values()]
    found = [framework(one) for one in quartz]
    assert sorted(one.group for one in found if one is not None) == [152, 154]
    assert {label_of(one) for one in found if one is not None} == {"152:a:c"}
