"""The published network as printed; ours keeps its shapes."""

import torch
from torch import nn

from argand.systems.patterson.network import PaperNetwork, SuperpositionNetwork
from argand.systems.patterson.presets import PRESETS


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
