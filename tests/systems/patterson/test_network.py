"""The published network as printed; ours keeps its shapes; Fourier layers see everything."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from argand.errors import ConfigError
from argand.systems.patterson.network import (
    FourierNetwork,
    PaperNetwork,
    SpectralConvolution,
    SuperpositionNetwork,
)
from argand.systems.patterson.presets import PRESETS
from argand.systems.patterson.simulate import AtomSet


def test_the_published_network_is_as_printed():
    network = PaperNetwork()
    assert sum(parameter.numel() for parameter in network.parameters()) == 1_202_821
    layers = [
        (layer.in_channels, layer.out_channels, layer.kernel_size[0])
        for layer in network
        if isinstance(layer, nn.Conv3d)
    ]
    assert layers == [(1, 20, 5), (20, 20, 5), *[(20, 20, 7)] * 8, (20, 20, 5), (20, 1, 5)]
    others = [type(layer) for layer in network if not isinstance(layer, nn.Conv3d)]
    assert others == [nn.ReLU, nn.ReLU, nn.MaxPool3d, *[nn.ReLU] * 8, nn.Upsample, nn.ReLU, nn.Tanh]


def test_the_published_network_keeps_the_box():
    with torch.no_grad():
        assert PaperNetwork(2)(torch.rand(1, 1, 8, 8, 8)).shape == (1, 1, 8, 8, 8)


def test_our_network_answers_half_of_frames_of_any_size():
    network = SuperpositionNetwork((16, 16, 16), 1)
    for depth, size in ((16, 24), (24, 32)):
        assert network(torch.rand(2, 3, depth, size, size)).shape == (2, 1, size // 2, size, size)


def test_our_weights_fit_into_eight_megabytes():
    assert sum(p.numel() for p in PRESETS["best"].network().parameters()) * 4 < 8e6


def test_fourier_layers_see_the_whole_map():
    torch.manual_seed(0)
    network = FourierNetwork(channels=4, modes=3, layers=1)
    nn.init.normal_(network.head[-1].weight)  # pyright: ignore[reportArgumentType]
    maps = torch.zeros(1, 1, 16, 16, 16)
    moved = maps.clone()
    moved[..., 0, 0, 0] = 1.0
    with torch.no_grad():
        apart = (network(moved) - network(maps)).abs()
    assert apart.shape == (1, 1, 16, 16, 16)
    assert apart[..., 8, 8, 8] > 0


def test_frequencies_above_the_modes_are_cut():
    layer = SpectralConvolution(2, modes=2)
    wave = torch.cos(2 * torch.pi * 3 * torch.arange(12) / 12).expand(1, 2, 12, 12, 12)
    with torch.no_grad():
        assert layer(wave).abs().max() < 1e-5
        assert layer(torch.ones(1, 2, 12, 12, 12)).abs().max() > 1e-3


def test_fourier_layers_have_as_many_weights_as_they_say():
    weights = sum(parameter.numel() for parameter in PRESETS["fourier"].network().parameters())
    assert f"{weights:,} weights" in (FourierNetwork.__doc__ or "")


@pytest.mark.parametrize("box", [20, 41])
def test_fourier_layers_refuse_boxes_that_they_cannot_halve_or_that_are_too_small(box: int):
    with pytest.raises(ConfigError, match="even box of 24"):
        replace(PRESETS["fourier"], atoms=AtomSet(box=box)).network()
