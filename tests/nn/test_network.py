"""Named networks: published sizes, any image size, every weight learns."""

import pytest
import torch

from argand.errors import ConfigError
from argand.nn.network import NETWORKS, create_network
from argand.nn.resnet import ResNet
from argand.nn.vit import VisionTransformer, position_code


@pytest.mark.parametrize(
    ("name", "published"), [("resnet18", 11_689_512), ("resnet34", 21_797_672), ("resnet50", 25_557_032)]
)
def test_residual_networks_have_the_published_number_of_parameters(name: str, published: int) -> None:
    with torch.device("meta"):
        network = create_network(name, 3, 1000)
    assert sum(parameter.numel() for parameter in network.parameters()) == published


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_every_network_takes_any_image_size_and_teaches_every_weight(name: str) -> None:
    torch.manual_seed(0)
    network = create_network(name, 2, 3)
    for size in [(64, 64), (70, 97)]:
        output = network(torch.randn(2, 2, *size))
        assert output.shape == (2, 3)
    output.square().sum().backward()
    for key, weight in network.named_parameters():
        assert weight.grad is not None, key
        assert weight.grad.any(), key


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_every_network_runs_in_bf16(name: str) -> None:
    network = create_network(name, 1, 2).eval()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.isfinite(network(torch.randn(1, 1, 64, 64))).all()


def test_residual_network_of_volumes() -> None:
    assert ResNet(1, 2, depth=18, width=10, dims=3)(torch.randn(2, 1, 32, 32, 32)).shape == (2, 2)


def test_one_answer_does_not_depend_on_the_rest_of_the_batch() -> None:
    torch.manual_seed(0)
    images = torch.randn(3, 1, 60, 60)
    for name in sorted(NETWORKS):
        network = create_network(name, 1, 2).eval()
        with torch.no_grad():
            together, alone = network(images)[1:2], network(images[1:2])
        assert torch.allclose(together, alone, atol=1e-4), name


def test_every_patch_position_has_its_own_code() -> None:
    code = position_code(41, 41, 192)
    assert code.shape == (1681, 192)
    distances = torch.cdist(code, code) + 10 * torch.eye(1681)
    assert distances.min() > 0.1


def test_transformer_sees_where_a_patch_is() -> None:
    torch.manual_seed(0)
    network = VisionTransformer(1, 2, patch=10, dim=32, depth=1, heads=2).eval()
    image = torch.zeros(1, 1, 40, 40)
    image[..., 10:20, 0:10] = 5.0
    with torch.no_grad():
        assert not torch.allclose(network(image), network(image.roll(10, dims=-1)), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("resnet19", {}, "cnn4, resnet18, resnet34, resnet50, vit"),
        ("cnn4", {"colour": 3}, "colour"),
        ("vit", {"dim": 64, "heads": 5}, "heads"),
    ],
)
def test_a_network_that_cannot_be_built_is_refused(name: str, options: dict, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        create_network(name, 1, 2, **options)


def test_another_depth_is_refused() -> None:
    with pytest.raises(ConfigError, match="18, 34, 50"):
        ResNet(1, 2, depth=101)
