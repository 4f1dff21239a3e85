"""Shapes and sense of the published networks."""

import pytest
import torch

from argand.errors import ConfigError
from argand.systems.crystals.network import (
    CLASSES,
    LATENT,
    SEGMENTER_WIDTHS,
    AttentionSegmenter,
    DensityAutoencoder,
    PublishedAutoencoder,
)
from argand.systems.crystals.presets import PRESETS


def test_a_box_becomes_a_latent_of_300_and_a_box_again():
    network = DensityAutoencoder((4, 8, 8, 8)).eval()
    box = torch.rand(2, 1, 30, 30, 30)
    again, mean, log_variance = network(box)
    assert mean.shape == log_variance.shape == (2, LATENT)
    assert again.shape == box.shape
    assert again.min() >= 0
    torch.testing.assert_close(again, network.decode(mean))


def test_training_draws_the_latent_from_its_generator():
    network = DensityAutoencoder((4, 4), latent=5, voxels=8).eval()
    box = torch.rand(2, 1, 8, 8, 8)
    first, second, other = (network(box, torch.Generator().manual_seed(seed))[0] for seed in (1, 1, 2))
    torch.testing.assert_close(first, second)
    assert not torch.equal(first, other)


def test_every_voxel_gets_scores_of_all_classes():
    scores = AttentionSegmenter((4, 8, 8)).eval()(torch.rand(1, 1, 30, 30, 30))
    assert scores.shape == (1, CLASSES, 30, 30, 30)


def test_levels_are_as_wide_as_published():
    with torch.device("meta"):
        network = AttentionSegmenter()
    widths = tuple(level[1][0].out_channels for level in network.down)
    assert widths == SEGMENTER_WIDTHS == (64, 128, 256, 512, 1024)


def test_the_preset_paper_has_the_published_number_of_weights():
    with torch.device("meta"):
        networks = PRESETS["paper"].network()
    encoder = networks.get_submodule("autoencoder")
    assert isinstance(encoder, PublishedAutoencoder)
    assert sum(value.numel() for value in encoder.parameters()) == pytest.approx(108e6, rel=0.01)
    assert encoder.sizes == [50, 25, 13, 7, 4]
    assert encoder.dense.out_features == 3000


def test_the_published_encoder_decoder_pads_a_box_and_gives_back_its_size():
    network = PublishedAutoencoder((2, 3, 4), latent=7, voxels=12, dense=20, padded=21).eval()
    box = torch.rand(2, 1, 12, 12, 12)
    again, mean, log_variance = network(box)
    assert mean.shape == log_variance.shape == (2, 7)
    assert again.shape == box.shape
    assert again.min() >= 0
    with pytest.raises(ConfigError, match="no larger than its own"):
        PublishedAutoencoder(voxels=60)


def test_networks_without_levels_are_refused():
    for network in (DensityAutoencoder, AttentionSegmenter, PublishedAutoencoder):
        with pytest.raises(ConfigError):
            network(())
