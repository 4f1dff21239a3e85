"""The published interface: boxes of 10 Å as 300 numbers, and what can be done with them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import argand
from argand.errors import ConfigError, InputError
from argand.learn.stream import collate
from argand.learn.train import train
from argand.physics.crystal.comparison import compare
from argand.physics.crystal.structure import MIN_DISTANCE, Structure, closest_pair
from argand.physics.crystal.voxel_box import Atoms, Box
from argand.systems.crystals.database.dataset import prototypes
from argand.systems.crystals.density.refiner import DensityRefiner, _folded, _unfolded
from argand.systems.crystals.loss import species_loss
from argand.systems.crystals.models.boxes import PublishedModel
from argand.systems.crystals.models.named import PAPER_WEIGHTS, model_of
from argand.systems.crystals.network import AttentionSegmenter
from argand.systems.crystals.presets import PRESETS
from argand.systems.crystals.published.decoder import LinearCoder, RefinedCoder, load_coder
from argand.systems.crystals.published.sampling import draw_codes, sample_boxes
from argand.systems.crystals.published.training import train_in_sequence
from argand.systems.crystals.simulate import BoxSample, box_sample

SINGLE = PublishedModel(view="single")
TINY = replace(PRESETS["tiny"], model="refined", stage="joint", refiner_width=8, refiner_blocks=1)
PEROVSKITE, SALT = prototypes()[-1], prototypes()[0]


def test_the_paper_model_gives_a_single_cell_back_from_300_numbers():
    paper = argand.load("crystals", "paper")
    paper.model = replace(paper.model, view="single")
    latent = paper.encode(PEROVSKITE)
    assert latent.shape == (300,)
    assert latent.dtype == np.float32
    truth = box_sample(PEROVSKITE, Box(), True, np.random.default_rng(0)).atoms
    inside = Structure(10 * np.eye(3), truth.species, truth.places / 10)
    for vector in (latent, paper.model.add_noise(latent, 0.01, 1)):
        comparison = compare(paper.decode(vector).structure, inside)
        assert comparison.is_exact
    assert paper.decode(latent).confidence > 0.99


def test_the_shipped_network_reads_the_same_atoms_and_sees_most_of_a_single_cells_balls():
    shipped = replace(SINGLE, weights=str(PAPER_WEIGHTS), code="")
    latent = SINGLE.encode(PEROVSKITE)
    np.testing.assert_allclose(shipped.encode(PEROVSKITE), latent)
    np.testing.assert_array_equal(
        shipped.decode(latent).structure.species, SINGLE.decode(latent).structure.species
    )
    coder = load_coder(PAPER_WEIGHTS)
    assert isinstance(coder, RefinedCoder)
    sample = box_sample(PEROVSKITE, Box(), True, np.random.default_rng(0))
    labels = coder.labels(latent)
    assert ((labels > 0) & (sample.labels > 0)).sum() > 0.5 * (sample.labels > 0).sum()
    left = np.mean((coder.volumes(latent[None])[0] - sample.density) ** 2)
    assert left < np.mean((LinearCoder().volumes(latent[None])[0] - sample.density) ** 2)


def test_elements_beyond_the_published_classes_are_read():
    heavy = replace(PEROVSKITE, species=np.array([98, 8, 8, 8, 101], np.uint8))
    decoded = SINGLE.decode(SINGLE.encode(heavy)).structure
    assert sorted(decoded.species.tolist()) == [8, 8, 8, 98, 101]


def test_the_ends_of_an_interpolation_are_as_they_are_read_alone():
    way = SINGLE.between(PEROVSKITE, SALT, 5, 0)
    assert len(way) == 5
    for end, structure in ((way[0], PEROVSKITE), (way[-1], SALT)):
        alone = SINGLE.decode(SINGLE.encode(structure)).structure
        np.testing.assert_array_equal(end.structure.frac_coords, alone.frac_coords)
        np.testing.assert_array_equal(end.structure.species, alone.species)


def test_alterations_go_through_the_same_numbers():
    paper = argand.load("crystals", "paper")
    paper.model = SINGLE
    symbols = SALT.symbols
    assert sorted(paper.alter(SALT, {symbols[0]: "Na"}).structure.symbols) == sorted(["Na", symbols[1]])


def test_samples_about_known_crystals_keep_their_distances_and_come_back_by_the_seed():
    coder = LinearCoder()
    drawn = [one for one in sample_boxes(coder, 2, seed=2) if not isinstance(one, InputError)]
    assert len(drawn) == 2
    assert all(closest_pair(one.structure)[2] > MIN_DISTANCE for one in drawn)
    np.testing.assert_array_equal(draw_codes(coder, 2, 5), draw_codes(coder, 2, 5))
    normal = draw_codes(coder, 50, 1, "normal")
    assert normal.std() == pytest.approx(1.0, abs=0.02)
    with pytest.raises(ConfigError, match="mixture, normal"):
        draw_codes(coder, 1, 0, "flat")


def test_vectors_of_networks_that_are_gone_are_not_read_as_linear_codes():
    assert model_of(PublishedModel().config) == PublishedModel()
    with pytest.raises(InputError, match="encode the structures again"):
        model_of({"model": "paper", "weights": "", "view": "single", "seed": 0})
    for bad in (np.zeros(299, np.float32), np.full(300, np.nan, np.float32)):
        with pytest.raises(InputError, match="300 finite numbers"):
            SINGLE.decode(bad)


def test_a_box_of_too_many_atoms_is_refused():
    atoms = Atoms(np.full((513, 3), 5.0), np.full(513, 6, np.uint8))
    with pytest.raises(InputError, match="513 atoms are in one box; 512 are kept"):
        BoxSample(np.zeros((30, 30, 30), np.float32), np.zeros((30, 30, 30), np.uint8), atoms, True).arrays()


def test_blocks_of_voxels_unfold_to_what_was_folded():
    volume = torch.rand(2, 3, 6, 6, 6)
    torch.testing.assert_close(_unfolded(_folded(volume)), volume)


def test_the_refiner_begins_as_the_linear_code():
    torch.manual_seed(0)
    network = TINY.network()
    assert isinstance(network, DensityRefiner)
    density = TINY.simulate(0, 0)["density"][None]
    coder = RefinedCoder(TINY, network)
    linear = LinearCoder(TINY.box, TINY.latent)
    code = linear.latents(density)
    np.testing.assert_allclose(coder.latents(density), code)
    np.testing.assert_allclose(network.encode(torch.from_numpy(density)[:, None]).numpy(), code, atol=1e-4)
    np.testing.assert_allclose(coder.volumes(code), linear.volumes(code), atol=1e-4)


def test_the_refiner_learns_densities_and_sharp_maps_of_four_boxes_by_heart():
    system = replace(TINY, refiner_width=24, refiner_blocks=2, learning_rate=4e-3)
    torch.manual_seed(0)
    network = system.network()
    batch = collate([system.inputs(system.simulate(index, 5)) for index in range(4)])
    optimiser, _ = system.optimiser(network)
    with torch.no_grad():
        before = system.loss(network.eval(), batch)[1]
    for _ in range(120):
        loss, _ = system.loss(network.train(), batch)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
    with torch.no_grad():
        after = system.loss(network.eval(), batch)[1]
    assert before["missed"] == 1.0
    assert after["missed"] < 0.1
    assert after["occupation_overlap"] > 0.8
    assert after["unexplained"] < 0.5 * before["unexplained"]


def test_balls_weigh_as_much_as_emptiness_in_the_loss_of_classes():
    """The segmenter that calls everything empty must not be near the least loss."""
    torch.manual_seed(0)
    segmenter = AttentionSegmenter((4, 8)).eval()
    assert segmenter.head.bias is not None
    labels = torch.zeros(1, 12, 12, 12, dtype=torch.uint8)
    labels[0, 3, 3, 3] = 8
    with torch.no_grad():
        segmenter.head.weight.zero_()
        segmenter.head.bias.fill_(0.0)
        segmenter.head.bias[0] = 10.0
        loss, _ = species_loss(segmenter, torch.rand(1, 1, 12, 12, 12), labels, None)
    # -log p of the one ball is 10; it is half of the loss, not a 1,728th.
    assert loss.item() == pytest.approx(0.5 * 10, rel=0.01)


@pytest.mark.parametrize("name", ["refined", "published"])
def test_networks_that_learn_together_are_one_run(name: str, tmp_path: Path):
    system = TINY if name == "refined" else replace(PRESETS["tiny"], stage="joint")
    settings = {"max_steps": 2, "batch_size": 2, "val_count": 2, "workers": 0, "quiet": True}
    settings |= {"accelerator": "cpu", "precision": "fp32"}

    def run(system, folder, what, *, max_time, resume, **others):
        train(system, folder, max_time=None, resume=resume, **others)

    weights = train_in_sequence(system, tmp_path, run, max_time="00:01:00", resume=False, **settings)
    assert (tmp_path / "joint" / "last.ckpt").exists()
    coder = load_coder(weights)
    latents = coder.latents(system.simulate(0, 0)["density"][None])
    assert latents.shape == (1, 32)
    assert coder.labels(latents[0]).shape == (12, 12, 12)
    settings["max_steps"] = 3
    again = train_in_sequence(system, tmp_path, run, max_time="00:01:00", resume=True, **settings)
    assert again == weights
