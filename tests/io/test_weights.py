"""Weights must come back bit for bit, with what is needed to rebuild their network, or be refused."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from argand.errors import InputError
from argand.io.card import render_card, write_card
from argand.io.weights import (
    load_weights,
    network_of,
    packed,
    read_header,
    restore,
    save_weights,
    system_of,
)

HEADER = {
    "system": "toy",
    "config": {"width": 4, "stills": {"crop": [820, 820]}},
    "seed": 1,
    "version": "0.1.0",
    "training": {"samples": 1200, "seconds": 30},
    "figures": {"validation": {"error": 0.123456}},
}


@pytest.fixture
def network() -> nn.Module:
    """A network with 4-D weights, running statistics and an integer counter."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)).to(memory_format=torch.channels_last)
    network(torch.randn(2, 1, 8, 8))
    return network


def test_weights_come_back_bit_for_bit(tmp_path: Path, network: nn.Module):
    save_weights(tmp_path, network.state_dict(), HEADER)
    state, header = load_weights(tmp_path)
    assert header == HEADER == read_header(tmp_path / "model.safetensors")
    torch.testing.assert_close(state, dict(network.state_dict()), rtol=0, atol=0)


def test_tensors_that_share_memory_are_kept(tmp_path: Path):
    tied = torch.arange(6.0)
    save_weights(tmp_path / "a.safetensors", {"one": tied, "two": tied[:3]}, HEADER)
    state, _ = load_weights(tmp_path / "a.safetensors")
    assert torch.equal(state["two"], tied[:3])


def test_a_failed_write_leaves_the_old_weights(tmp_path: Path, network: nn.Module):
    save_weights(tmp_path, network.state_dict(), HEADER)
    with pytest.raises(InputError, match="header lacks seed"):
        save_weights(tmp_path, {}, {key: value for key, value in HEADER.items() if key != "seed"})
    assert load_weights(tmp_path)[0].keys() == network.state_dict().keys()
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_missing_weights_are_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"nowhere/model\.safetensors: no weights found"):
        load_weights(tmp_path / "nowhere")


def test_truncated_weights_are_refused(tmp_path: Path, network: nn.Module):
    path = save_weights(tmp_path, network.state_dict(), HEADER)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match="damaged weights"):
        load_weights(tmp_path)


def test_foreign_weights_are_refused(tmp_path: Path):
    save_file({"a": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(InputError, match="not weights of argand"):
        load_weights(tmp_path)


def test_weights_of_another_network_are_refused(network: nn.Module):
    with pytest.raises(InputError, match="is on one side only"):
        restore(network, {"0.weight": torch.zeros(4, 1, 3, 3)}, Path("w"))
    wrong = {**network.state_dict(), "0.bias": torch.zeros(5)}
    with pytest.raises(InputError, match=r"'0\.bias' has shape \(5,\), the network \(4,\)"):
        restore(network, wrong, Path("w"))


def test_the_card_says_what_the_header_says(tmp_path: Path):
    text = write_card(tmp_path, HEADER).read_text()
    assert text == render_card(HEADER)
    for line in ("| samples | 1200 |", "| validation | 0.1235 |", "| stills.crop | [820, 820] |"):
        assert line in text
    assert "seed 1" in text
    assert "## Limits" not in text
    assert "Train again" not in text


def test_cards_keep_their_tables_whole():
    assert "| note | a \\| b c |" in render_card({**HEADER, "limits": {"note": "a | b\nc"}})


def test_figures_of_one_form_share_a_table_and_others_get_their_own():
    simulated = {"standard": {"stills": 9, "px": 0.25}, "binary": {"stills": 8, "px": None}}
    figures = {**HEADER["figures"], "simulated": simulated}
    text = render_card({**HEADER, "figures": figures, "limits": ["one detector"], "command": "train it"})
    table = "### Simulated\n\n| | stills | px |\n|---|---|---|\n| standard | 9 | 0.25 |\n| binary | 8 | – |\n"
    assert table in text
    assert "### Validation\n\n| | |\n|---|---|\n| error | 0.1235 |\n" in text
    assert "\n- one detector\n" in text
    assert "\n    train it\n" in text


def test_packed_weights_come_back_nearly_and_pack_to_the_same_again(tmp_path: Path):
    generator = torch.Generator().manual_seed(0)
    state = {
        "layer.weight": torch.randn(8, 3, 3, generator=generator) * torch.logspace(-4, 2, 8)[:, None, None],
        "layer.bias": torch.randn(8, generator=generator),
        "empty.weight": torch.zeros(2, 5),
        "count": torch.tensor(7),
    }
    once = save_weights(tmp_path / "once.safetensors", packed(state), HEADER)
    found, _ = load_weights(once)
    assert found.keys() == state.keys()
    largest = state["layer.weight"].abs().amax((1, 2), keepdim=True)
    off = (found["layer.weight"] - state["layer.weight"]).abs() / largest
    assert 0 < float(off.max()) <= 0.5 / 127 + 1e-6
    for name in ("layer.bias", "empty.weight", "count"):
        assert torch.equal(found[name], state[name])
    twice = save_weights(tmp_path / "twice.safetensors", packed(found), HEADER)
    assert once.read_bytes() == twice.read_bytes()


def _with_header(path: Path, text: str) -> Path:
    save_file({"a": torch.zeros(1)}, path, metadata={"argand": text})
    return path


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "1",
        "null",
        "{}",
        "{",
        "[" * 200_000,
        '{"system": "toy", "config": [], "seed": 1, "version": "1"}',
        '{"system": 3, "config": {}, "seed": 1, "version": "1"}',
    ],
)
def test_a_damaged_header_is_refused_and_its_file_named(tmp_path: Path, text: str):
    path = _with_header(tmp_path / "a.safetensors", text)
    for read in (load_weights, read_header):
        with pytest.raises(InputError, match=r"a\.safetensors: ") as told:
            read(path)
        assert "\n" not in str(told.value)


@pytest.mark.parametrize("length", [0, 7, 10**9, 2**63 - 1])
def test_a_length_of_the_header_that_lies_is_refused(tmp_path: Path, network: nn.Module, length: int):
    path = save_weights(tmp_path, network.state_dict(), HEADER)
    path.write_bytes(length.to_bytes(8, "little") + path.read_bytes()[8:])
    with pytest.raises(InputError, match="damaged weights"):
        load_weights(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, value: float):
    save_weights(tmp_path, {"a": torch.tensor([1.0, value])}, HEADER)
    with pytest.raises(InputError, match="'a' contains non-finite numbers"):
        load_weights(tmp_path)


def test_scales_that_do_not_fit_are_refused(tmp_path: Path):
    save_weights(tmp_path, {"a": torch.ones(3, 2, dtype=torch.int8), "a:scale": torch.ones(5)}, HEADER)
    with pytest.raises(InputError, match="damaged weights"):
        load_weights(tmp_path)


@dataclass(frozen=True)
class Toy:
    """A system of one layer."""

    width: int = 4

    def network(self) -> nn.Module:
        return nn.Linear(self.width, 1)


@pytest.mark.parametrize(
    ("config", "match"),
    [
        ({"width": 10**9}, r"1e\+09 is too large"),
        ({"width": "x"}, "width cannot be 'x'"),
        ({"depth": 3}, "no setting 'depth'"),
        ({"width": [[10**9]]}, "is too large"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused_and_its_file_named(config, match):
    with pytest.raises(InputError, match=match) as told:
        system_of(Toy, HEADER | {"config": config}, Path("w.safetensors"))
    assert str(told.value).startswith("w.safetensors: ")


def test_a_network_that_cannot_be_made_or_filled_is_refused():
    whole = Toy().network().state_dict()
    assert isinstance(network_of(Toy().network, whole, Path("w")), nn.Linear)
    for width in (-1, 5):
        with pytest.raises(InputError, match=r"^w: "):
            network_of(Toy(width).network, whole, Path("w"))


@dataclass(frozen=True)
class Wide:
    """A system of some layers."""

    width: int = 4
    depth: int = 1

    def network(self) -> nn.Module:
        return nn.Sequential(*(nn.Linear(self.width, self.width) for _ in range(self.depth)))


@pytest.mark.parametrize("large", [Wide(2**14, 2**14), Wide(4, 2**14), Wide(2**14, 1)])
def test_a_larger_network_is_given_up_before_it_takes_memory(large: Wide, monkeypatch: pytest.MonkeyPatch):
    written: list[int] = []
    monkeypatch.setattr(nn.Linear, "reset_parameters", lambda layer: written.append(layer.weight.numel()))
    with pytest.raises(InputError, match=r"^w: .* larger network"):
        network_of(large.network, Wide().network().state_dict(), Path("w"))
    assert sum(written) <= 32
    assert len(network_of(Wide(depth=3).network, Wide(depth=3).network().state_dict(), Path("w"))) == 3
