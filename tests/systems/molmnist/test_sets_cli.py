"""The verbs that make and check sets and fibrils, as a user calls them."""

from json import loads
from pathlib import Path

import pytest
from typer.testing import CliRunner

from argand.errors import ConfigError
from argand.systems.molmnist.cli import app

FEW = ["--count", "4", "--size", "48", "--window", "120", "--processes", "1"]


def called(*words: str) -> str:
    shown = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert shown.exit_code == 0, shown.output
    return shown.output


def test_a_set_of_bundles_is_made_checked_and_drawn(tmp_path: Path):
    path = tmp_path / "few.h5"
    called("simulate", "hard", "--out", str(path), "--photons", "1e4", *FEW)
    text = called("check", str(path))
    assert "4 pairs (4 train, 0 val, 0 test), intact" in text
    found = loads(called("check", str(path), "--json"))
    assert f"SHA-256 of the pairs: {found['sha256']}" in text
    assert "photons 10000" in path.with_suffix(".md").read_text()
    assert "molmnist-hard.png" in called("figures", str(path), "--out", str(tmp_path / "figures"))


def test_the_beginning_of_a_set_by_name_is_recognised(tmp_path: Path):
    path = tmp_path / "begin.h5"
    called("simulate", "hard", "--out", str(path), "--count", "2", "--processes", "1")
    assert "of 1 pairs of hard whose SHA-256 is on record 1 are the same" in called("check", str(path))
    called(
        "simulate",
        "hard",
        "--out",
        str(tmp_path / "other.h5"),
        "--count",
        "2",
        "--seed",
        "1",
        "--processes",
        "1",
    )
    assert "a set of its own" in called("check", str(tmp_path / "other.h5"))


def test_options_that_do_not_go_with_bundles_are_refused_before_anything_is_written(tmp_path: Path):
    words = ["simulate", "hard", "--out", str(tmp_path / "few.h5"), "--wavelength", "1", *FEW]
    with pytest.raises(ConfigError, match="leave --wavelength out"):
        CliRunner().invoke(app, words, catch_exceptions=False)
    assert not list(tmp_path.iterdir())


def test_fibrils_are_built_by_any_name_and_twisted(tmp_path: Path):
    text = called("build", "3x4", "hexagonal-18", "--length", "20", "--twist", "-2", "--out", str(tmp_path))
    assert "3x4: 12 chains" in text
    assert "twisting makes bonds up to" in text
    assert len(list(tmp_path.glob("*_-2deg-per-nm.*"))) == 4


def test_help_names_every_size_of_hexagon():
    from argand.systems.molmnist.cli import build
    from argand.systems.molmnist.fibril.fibril import hexagonal_sheets

    told = " ".join((build.__doc__ or "").split())
    counts = [str(count) for count in hexagonal_sheets()]
    assert f"{', '.join(counts[:-1])} or {counts[-1]} chains" in told
