"""A configuration must survive JSON and refuse what it does not know."""

import json
from dataclasses import dataclass, field
from typing import Literal

import pytest

from argand.errors import ConfigError
from argand.system import SYSTEMS, from_config, preset, system_module, to_config


@dataclass(frozen=True)
class Inner:
    """Part of a configuration."""

    lengths: tuple[float, float] = (1.0, 2.0)
    names: tuple[str, ...] = ("a",)


@dataclass(frozen=True)
class Outer:
    """A configuration with every kind of field."""

    inner: Inner = field(default_factory=Inner)
    kind: Literal["cnn", "vit"] = "cnn"
    crop: tuple[int, int] | None = None
    depth: int = 3
    rate: float = 0.1
    fine: bool = True
    windows: dict[str, float] = field(default_factory=dict)


def test_a_configuration_survives_json():
    config = Outer(Inner((3.0, 4.0), ()), "vit", (820, 820), windows={"x": 1.5})
    assert from_config(Outer, json.loads(json.dumps(to_config(config)))) == config


def test_missing_settings_take_their_defaults():
    assert from_config(Outer, {}) == Outer()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"dept": 3}, "Outer has no setting 'dept'; did you mean 'depth'?"),
        ({"inner": {"length": [1, 2]}}, "Inner has no setting 'length'; did you mean 'lengths'?"),
        ({"kind": "resnet"}, "Outer.kind cannot be 'resnet'; it takes 'cnn' or 'vit'"),
        ({"inner": {"lengths": [1.0]}}, "Inner.lengths takes 2 values, not 1"),
        ({"depth": 2.5}, "Outer.depth cannot be 2.5; it takes int"),
        ({"depth": True}, "Outer.depth cannot be True; it takes int"),
        ({"crop": [1, "2"]}, "Outer.crop cannot be '2'; it takes int"),
        ({"fine": 1}, "Outer.fine cannot be 1; it takes bool"),
    ],
)
def test_what_a_configuration_does_not_know_is_named(config: dict, message: str):
    with pytest.raises(ConfigError) as error:
        from_config(Outer, config)
    assert str(error.value) == message


def test_whole_numbers_may_stand_for_fractions():
    assert isinstance(from_config(Outer, {"rate": 1}).rate, float)


def test_a_setting_without_default_is_needed():
    @dataclass(frozen=True)
    class Strict:
        width: int

    with pytest.raises(ConfigError, match="Strict needs the setting 'width'"):
        from_config(Strict, {})


def test_only_plain_values_are_stored():
    with pytest.raises(ConfigError, match="cannot contain a set"):
        to_config(Inner(names={"a"}))  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_offers_what_the_package_asks_of_it(name: str):
    module = system_module(name)
    assert callable(module.load_predictor)
    assert callable(module.selftest)
    assert "tiny" in module.PRESETS


def test_unknown_names_suggest_the_near_one():
    with pytest.raises(ConfigError, match="did you mean 'geometry'"):
        system_module("geometri")
    with pytest.raises(ConfigError, match="unknown preset 'bets'; did you mean 'best'"):
        preset("bets", {"best": 1, "tiny": 2})


@pytest.mark.parametrize("name", SYSTEMS)
def test_dir_shows_every_name_that_a_system_offers(name: str):
    module = system_module(name)
    shown = dir(module)
    assert {"SYSTEM", "PRESETS", "load_predictor", "selftest", "cli", "__name__"} <= set(shown)
    assert all(hasattr(module, one) for one in shown)
    assert shown == sorted(set(shown))


def test_dir_of_molmnist_shows_what_opens_its_sets():
    from argand.systems import molmnist

    assert {"load", "open_pairs", "Pairs", "FIBRILS", "build_fibril"} <= set(dir(molmnist))
    with pytest.raises(AttributeError, match="has no attribute 'laod'"):
        _ = molmnist.laod
