"""The page of a run: its answers in a table, cards with plots and chains, and pages of single answers."""

import base64
import gzip
import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import launched
from PIL import Image

import argand
from argand.errors import OutputError
from argand.io.manifest import listed
from argand.page.document import SCRIPT
from argand.runs.claim import claim_folder
from argand.systems.molmnist import view
from argand.systems.molmnist.files.outputs import RunFolder
from argand.systems.molmnist.files.stored_answer import StoredAnswer, read_answer
from argand.systems.molmnist.inversion.prediction import Prediction
from argand.systems.molmnist.page.plots import answer_plots, thumbnail
from argand.systems.molmnist.presets import PRESETS
from argand.systems.molmnist.view import read_records, write_page

TINY = PRESETS["tiny"]
COLOURED = """[...document.querySelectorAll("figure.view canvas")].map(canvas => {
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.some((value, at) => at % 4 === 0 && Math.abs(value - data[at + 2]) > 40);
})"""
"""Whether the chains of each answer have colours."""


@pytest.fixture(scope="module")
def run(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with a trusted answer and two best guesses."""
    predictor = argand.load("molmnist", tiny_weights)
    answer = predictor.predict(TINY.simulate(1, 3)["pattern"], window_side=TINY.imaging.window.side)
    assert isinstance(answer, Prediction)
    bundle = replace(
        answer,
        chains=25.0,
        chains_sd=2.1,
        outline="diamond",
        turn_deg=170.0,
        turn_sd_deg=29.0,
        sites=np.eye(17),
        residual=0.0,
        probability=np.array([1.0, 0.0]),
    )
    with RunFolder(tmp_path_factory.mktemp("run") / "found", page=write_page) as folder:
        for name, residual in (("sure", 0.0), ("guess", 9.0), ("other", 9.0)):
            named = replace(bundle, residual=residual, file=f"{name}.npy", seconds=0.1)
            folder.keep(folder.outputs.write(name, None, named, "nothing"))
    assert folder.folder is not None
    return folder.folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for all tests."""
    with launched() as found:
        yield found


def opened(browser: Any, page: Path, complaints: list[str], width: int = 1440) -> Any:
    """A page with all its views drawn, also those that are not scrolled to."""
    tab = browser.new_page(viewport={"width": width, "height": 1200})
    tab.on("console", lambda one: complaints.append(one.text))
    tab.on("pageerror", lambda one: complaints.append(str(one)))
    tab.goto(page.as_uri())
    tab.evaluate("document.querySelectorAll('figure.view').forEach(argand.draw)")
    tab.locator("figure.view:not([data-drawn=yes])").first.wait_for(state="detached")
    return tab


@pytest.mark.parametrize("width", [390, 1440])
def test_the_page_draws_all_answers_and_best_guesses_are_grey(browser: Any, run: Path, width: int):
    complaints: list[str] = []
    tab = opened(browser, run / "index.html", complaints, width)
    assert tab.locator("tbody tr").count() == 3
    assert tab.locator("section.card h2").all_inner_texts() == ["sure", "guess", "other"]
    titles = tab.locator(".plot svg > text[font-weight='600']").all_text_contents()
    assert titles[:2] == ["pattern", "shape"]
    # Of two answers each shape, deviation and probabilities; the pattern is measured.
    assert sum(title.startswith("best guess: ") for title in titles) == 6
    tab.wait_for_timeout(300)
    assert tab.evaluate(COLOURED) == [True, False, False]
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.close()
    assert complaints == []


def test_chains_turn_by_keys_buttons_and_pointer(browser: Any, run: Path):
    complaints: list[str] = []
    tab = opened(browser, run / "index.html", complaints)
    figure = tab.locator("figure[data-view=chains]").first
    figure.scroll_into_view_if_needed()
    box = figure.locator("canvas").bounding_box()

    def drag() -> None:
        tab.mouse.move(box["x"] + 200, box["y"] + 100)
        tab.mouse.down()
        tab.mouse.move(box["x"] + 260, box["y"] + 140)
        tab.mouse.up()

    def press() -> None:
        figure.locator(".stage").focus()
        tab.keyboard.press("ArrowLeft")

    seen = [picture_of(tab, figure)]
    for turn in (
        press,
        drag,
        lambda: figure.get_by_text("along the axis").click(),
        lambda: figure.get_by_role("button", name="+", exact=True).click(),
    ):
        turn()
        seen.append(picture_of(tab, figure))
    assert len(set(seen)) == len(seen)
    figure.get_by_text("from the side").click()
    assert picture_of(tab, figure) not in seen[1:]
    tab.close()
    assert complaints == []


def picture_of(tab: Any, figure: Any) -> str:
    """What a canvas shows after it was drawn again."""
    tab.wait_for_timeout(100)
    return figure.locator("canvas").evaluate("canvas => canvas.toDataURL()")


def test_an_answer_takes_little_room_in_a_page(run: Path):
    assert (run / "index.html").stat().st_size < 400_000


def test_many_answers_have_pages_of_their_own_and_few_have_none(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = shutil.copytree(run, tmp_path / "found")
    (folder / "notes.txt").write_text("of the user")
    monkeypatch.setattr(view, "MOST_BYTES", 1000)
    source = write_page(folder).read_text()
    singles = [f"answer-000{number}.html" for number in (1, 2, 3)]
    assert re.findall(r'<tr><th scope="row"[^>]*><a href="([^"]+)"', source) == singles
    assert "<figure" not in source
    middle = (folder / singles[1]).read_text()
    assert re.findall(r"<nav.*?</nav>", middle)[0].count("href") == 3
    assert f'href="{singles[0]}"' in middle
    assert f'href="{singles[2]}"' in middle
    assert {*singles, SCRIPT} <= {path.name for path in listed(folder)}
    monkeypatch.undo()
    assert "<figure" in write_page(folder).read_text()
    assert not [name for name in (*singles, SCRIPT) if (folder / name).exists()]
    monkeypatch.setattr(view, "MOST_BYTES", 1000)
    write_page(folder)
    claim_folder(folder, force=True)
    assert {path.name for path in folder.iterdir() if not path.name.startswith(".")} == {"notes.txt"}


def test_a_page_of_a_single_answer_is_drawn_by_the_script_beside_it(
    browser: Any, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = shutil.copytree(run, tmp_path / "found")
    monkeypatch.setattr(view, "MOST_BYTES", 1000)
    write_page(folder)
    complaints: list[str] = []
    tab = opened(browser, folder / "index.html", complaints)
    tab.locator("tbody a", has_text="guess").click()
    tab.locator("figure.view[data-drawn=yes]").first.wait_for()
    assert tab.locator("h1").inner_text() == "guess"
    tab.get_by_text("next").click()
    tab.locator("figure.view[data-drawn=yes]").first.wait_for()
    assert tab.locator("h1").inner_text() == "other"
    tab.close()
    assert complaints == []


def test_a_file_of_the_user_with_the_name_of_a_page_is_left(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = shutil.copytree(run, tmp_path / "found")
    own = folder / "answer-0001.html"
    own.write_text("of the user")
    write_page(folder)
    assert own.read_text() == "of the user"
    monkeypatch.setattr(view, "MOST_BYTES", 1000)
    with pytest.raises(OutputError, match="not written by argand"):
        write_page(folder)
    assert own.read_text() == "of the user"


def test_plots_keep_zeros_apart_from_pixels_that_were_not_measured(run: Path):
    record = read_records(run)[0][0]
    stored = read_answer(run / record["hdf5"])
    pattern, live = np.full_like(stored.pattern, 5.0), np.ones_like(stored.live)
    pattern[0, 0], live[0, 1], pattern[1, 0] = 0.0, False, 500.0
    (plot, *_) = answer_plots(StoredAnswer(stored.shape, stored.shape_sd, pattern, live), record)
    codes = np.frombuffer(unpacked(plot["values"]["data"]), np.uint8).reshape(plot["values"]["shape"])
    assert (codes[0, 0], codes[0, 1], codes[1, 0]) == (1, 0, 255)
    assert plot["x"]["first"] == pytest.approx(-np.pi * len(pattern) / record["window_side_angstrom"])


def unpacked(data: str) -> bytes:
    """The bytes of an array in a page."""
    return gzip.decompress(base64.b64decode(data))


def test_small_pictures_have_y_upwards_and_are_grey_where_not_trusted(run: Path):
    record = read_records(run)[0][0]
    stored = read_answer(run / record["hdf5"])
    shape = np.zeros_like(stored.shape)
    shape[-1, 0] = 9.0
    for trusted in (True, False):
        url = thumbnail(replace(stored, shape=shape), trusted)
        data = base64.b64decode(url.removeprefix("data:image/png;base64,"))
        pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
        assert pixels.sum(2).argmax() == 0
        assert (np.ptp(pixels, 2).max() > 40) == trusted
