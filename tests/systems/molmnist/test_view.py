"""The page in a browser: titles of figures fit their panels, and best guesses are grey."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from chromium import Chromium, chromium

import argand
from argand.systems.molmnist.files.outputs import RunFolder
from argand.systems.molmnist.inversion.prediction import Prediction
from argand.systems.molmnist.presets import PRESETS
from argand.systems.molmnist.view import write_page

TINY = PRESETS["tiny"]
CUT = """[...document.querySelectorAll(".panel:not(.hidden)")].flatMap(panel => {
  const box = panel.getBoundingClientRect();
  return [...panel.querySelectorAll(".gtitle")].map(title => title.getBoundingClientRect())
    .filter(one => one.left < box.left - 1 || one.right > box.right + 1 || one.top < box.top - 1)
    .map(() => panel.id);
})"""
"""Panels whose title is cut off."""
GREY = """[...document.querySelectorAll(".panel:not(.hidden)")]
  .filter(panel => getComputedStyle(panel).opacity < 0.9).map(panel => panel.id)"""
"""Panels that are pale."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with chromium(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@pytest.fixture(scope="module")
def page(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of a trusted answer and of a best guess, with long names."""
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
        for name, one in (("sure", bundle), ("guess", replace(bundle, residual=9.0))):
            named = replace(one, file=f"{name}.npy", seconds=0.1)
            folder.keep(folder.outputs.write(name, None, named, "nothing"))
    assert folder.folder is not None
    return folder.folder / "index.html"


@pytest.mark.parametrize("width", [600, 1010, 1600])
def test_titles_are_not_cut_off_and_best_guesses_are_grey(browser: Chromium, page: Path, width: int):
    session = browser.open(page)
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.ask("Emulation.setDeviceMetricsOverride", session, **size)
    try:
        for number, name in enumerate(("sure", "guess")):
            browser.run(session, f"location.hash = '#{number}'")
            browser.wait_for(session, f"document.getElementById('name').textContent === '{name}'")
            browser.wait_for(session, "document.querySelectorAll('#fibril .gtitle').length")
            assert browser.run(session, CUT) == []
            grey = browser.run(session, GREY)
            assert grey == ([] if name == "sure" else ["shape", "sd", "chances", "fibril"])
        title = browser.run(session, "document.querySelector('#fibril .gtitle').textContent")
        assert title.startswith("best guess:")
        assert "end to end" in title.replace("endto", "end to")
    finally:
        browser.close(session)
