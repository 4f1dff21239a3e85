"""The U-Net: shapes, how it starts, and the order of voxels as channels."""

import pytest
import torch

from argand.errors import ConfigError
from argand.nn.unet import PlainResidual, UNet, depth_to_space, space_to_depth


@pytest.mark.parametrize(("dims", "size"), [(2, (8, 12)), (3, (8, 4, 12))])
def test_the_size_is_kept(dims: int, size: tuple[int, ...]):
    network = UNet(3, 5, (4, 6, 8), 1, dims=dims)
    assert network(torch.rand(2, 3, *size)).shape == (2, 5, *size)


def test_a_block_starts_as_the_identity():
    x = torch.randn(1, 4, 5, 5)
    torch.testing.assert_close(PlainResidual(4)(x), x)


def test_every_weight_takes_part():
    network = UNet(2, 1, (4, 8), 1, dims=3)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    network(torch.rand(1, 2, 4, 4, 4)).sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())


def test_cubes_as_channels_come_back():
    x = torch.rand(2, 3, 4, 6, 8)
    deep = space_to_depth(x)
    assert deep.shape == (2, 24, 2, 3, 4)
    torch.testing.assert_close(deep[:, 0], x[:, 0, ::2, ::2, ::2])
    torch.testing.assert_close(depth_to_space(deep), x)


def test_a_network_without_levels_is_refused():
    with pytest.raises(ConfigError, match="one level"):
        UNet(1, 1, ())
