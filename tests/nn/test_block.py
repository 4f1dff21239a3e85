"""Convolutional pieces: sizes, wrapping and rounding."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from argand.errors import ConfigError
from argand.nn.block import CircularConv2d, ConvBlock, ResidualBlock, convolution, round_channels


@given(st.floats(0.01, 5000))
def test_channels_are_rounded_up_to_a_multiple_of_16(channels: float) -> None:
    rounded = round_channels(channels)
    assert rounded % 16 == 0
    assert channels <= rounded < channels + 16


def test_circular_axis_commutes_with_a_turn_and_the_other_axis_does_not() -> None:
    torch.manual_seed(0)
    conv, polar = CircularConv2d(2, 3, 5), torch.randn(1, 2, 9, 12)
    turned = conv(polar.roll(4, dims=-1))
    assert torch.allclose(turned, conv(polar).roll(4, dims=-1), atol=1e-5)
    shifted = conv(polar.roll(4, dims=-2))
    assert not torch.allclose(shifted, conv(polar).roll(4, dims=-2), atol=1e-2)


def test_each_axis_is_padded_in_its_own_way() -> None:
    conv = CircularConv2d(1, 1, 3, bias=False, padding_mode=("zeros", "replicate"))
    torch.nn.init.ones_(conv.weight)
    ramp = torch.tensor([[1.0, 2.0, 4.0]]).reshape(1, 1, 1, 3)
    assert torch.equal(conv(ramp).flatten(), torch.tensor([4.0, 7.0, 10.0]))


def test_stride_halves_a_circular_map() -> None:
    assert CircularConv2d(1, 4, 3, stride=2)(torch.zeros(1, 1, 10, 16)).shape == (1, 4, 5, 8)


@pytest.mark.parametrize("dims", [2, 3])
def test_blocks_work_on_images_and_volumes(dims: int) -> None:
    x = torch.randn(2, 16, *[8] * dims)
    assert ConvBlock(16, 32, dims=dims)(x).shape == (2, 32, *[8] * dims)
    assert ResidualBlock(16, 32, 2, dims=dims)(x).shape == (2, 32, *[4] * dims)


def test_residual_block_of_silent_convolutions_passes_its_input() -> None:
    block = ResidualBlock(16, 16, padding_mode=("replicate", "circular")).eval()
    torch.nn.init.zeros_(block.body[1].weight)
    x = torch.randn(1, 16, 6, 6)
    assert torch.equal(block(x), x.relu())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"kernel_size": 4}, "odd"),
        ({"dims": 1}, "2 or 3"),
        ({"padding_mode": ("zeros", "mirror")}, "replicate"),
        ({"padding_mode": ("zeros", "zeros", "zeros"), "dims": 3}, "2 dimensions"),
    ],
)
def test_impossible_convolutions_are_refused(arguments: dict, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        convolution(1, 1, **arguments)
