"""The classical opponents find the centre of an image that is easy, and say so when they cannot."""

import csv
import json
import sys
from pathlib import Path

import fabio
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from argand.io.image import Frame

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import geometry_classical as classical
import geometry_opponents as opponents

CENTRE = (131.3, 92.6)
SHAPE = (200, 240)


def radial_image(noisy: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """A smooth ring on a falling background around CENTRE, with spots and a masked band between modules."""
    random = np.random.default_rng(3)
    slow, fast = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    radius = np.hypot(fast - CENTRE[0], slow - CENTRE[1])
    expected = 60 * np.exp(-radius / 60) + 40 * np.exp(-(((radius - 55) / 9) ** 2)) + 2
    data = random.poisson(expected).astype(np.int32) if noisy else expected
    mask = np.ones(SHAPE, bool)
    mask[120:126] = False
    data[~mask] = -1
    if noisy:
        data[random.integers(0, 115, 20), random.integers(0, SHAPE[1], 20)] = 3000
    return data, mask


@pytest.fixture
def frame() -> Frame:
    return Frame("none.cbf", 0, *radial_image())


def error_px(answer: opponents.Answer) -> float:
    assert answer.beam_centre_px is not None, answer.reason
    return float(np.hypot(*np.subtract(answer.beam_centre_px, CENTRE)))


def test_radial_symmetry_finds_the_centre_from_the_middle_of_the_image(frame: Frame) -> None:
    answer = opponents.ask("radial_symmetry", frame)
    assert error_px(answer) < 0.5 < error_px(opponents.ask("constant", frame))
    assert answer.seconds > 0


def test_inversion_finds_the_centre_of_a_clean_image() -> None:
    assert error_px(opponents.ask("inversion", Frame("none.cbf", 0, *radial_image(noisy=False)))) < 1.0


@pytest.mark.parametrize("name", ["inversion", "radial_symmetry"])
def test_a_saturated_pixel_does_not_pull_the_centre(name: str) -> None:
    data, mask = radial_image(noisy=False)
    data[100, 122] = 1e6
    assert error_px(opponents.ask(name, Frame("none.cbf", 0, data, mask))) < 1.0


def test_constant_is_the_middle_of_the_detector(frame: Frame) -> None:
    assert opponents.ask("constant", frame).beam_centre_px == (120.0, 100.0)


@pytest.mark.parametrize("name", sorted(opponents.OPPONENTS))
def test_a_fully_masked_image_gets_a_reason(name: str) -> None:
    answer = opponents.ask(name, Frame("none.cbf", 0, np.zeros(SHAPE), np.zeros(SHAPE, bool)))
    assert (answer.beam_centre_px, answer.reason) == (None, "no usable pixel")


def test_shrinking_averages_usable_pixels_only() -> None:
    data = np.arange(20).reshape(4, 5)
    mask = np.ones((4, 5), bool)
    mask[0, 0] = mask[2:, 2:4] = False
    values, weights = opponents.shrink(data, mask, 2)
    assert np.allclose(values, [[(1 + 5 + 6) / 3, 5.0], [13.0, 0.0]])
    assert np.allclose(weights, [[3, 4], [4, 0]])


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, last_step: str) -> None:
    """Programs with the names of DIALS; the last one runs `last_step`, the others check their input."""
    steps = {
        "dials.import": 'test -s "$1" && touch imported.expt',
        "dials.find_spots": "test -f imported.expt && touch strong.refl",
        "dials.search_beam_position": f"test -f strong.refl && {last_step}",
    }
    for name, line in steps.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_dials_answer_is_read_in_pixels(
    tmp_path: Path, frame: Frame, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, "echo 'New beam centre: 21.6, 22.5 mm (125.6, 131.25 px)'")
    frame.path = str(tmp_path / "a.cbf.bz2")
    Path(frame.path).write_text("image")
    assert opponents.ask("dials", frame).beam_centre_px == (125.6, 131.25)


def test_dials_complaint_is_the_reason(tmp_path: Path, frame: Frame, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "echo 'Sorry: No solutions found' >&2; exit 1")
    frame.path = str(tmp_path / "a.cbf")
    Path(frame.path).write_text("image")
    answer = opponents.ask("dials", frame)
    assert (answer.beam_centre_px, answer.reason) == (None, "dials.search_beam_position: No solutions found")


def test_missing_dials_is_the_reason(tmp_path: Path, frame: Frame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert opponents.ask("dials", frame).reason == "dials is not installed"


def test_benchmark_writes_errors_against_the_truth(tmp_path: Path) -> None:
    data, _ = radial_image()
    fabio.cbfimage.CbfImage(data=data).write(str(tmp_path / "set_1_0001.cbf"))
    with (tmp_path / "truth.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [["file", "beam_x_px", "beam_y_px", "sigma_px"], ["set_1_0001.cbf", 117, 104, 0.5]]
        )
    app = typer.Typer()
    app.command()(classical.main)
    arguments = ["--data", str(tmp_path), "--json", str(tmp_path / "out.json"), "--opponent", "constant"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "5.00" in result.output
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["images"][0]["error_px"] == pytest.approx(5.0)
    assert report["summary"][0] | {"median_seconds": 0} == {
        "series": "set_1",
        "opponent": "constant",
        "images": 1,
        "answered": 1,
        "median_error_px": 5.0,
        "worst_error_px": 5.0,
        "median_seconds": 0,
    }


def test_benchmark_refuses_an_unknown_opponent(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(classical.main)
    result = CliRunner().invoke(app, ["--data", str(tmp_path), "--opponent", "oracle"])
    assert result.exit_code == 2
    assert "oracle" in result.output
