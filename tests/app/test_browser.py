"""The app in a real browser: from files to results in each system, by keyboard, on a phone, in the dark."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import launched

from argand.app.verbs import VERBS
from argand.systems.molmnist.benchmark.sample import read_sample

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "src/argand/app/data/examples"
PATIENCE_MS = 40_000


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real server, in a process of its own; Ctrl-C ends it well."""
    folder = tmp_path_factory.mktemp("app")
    words = [sys.executable, "-m", "argand", "app", "--port", "0", "--folder", str(folder), "--max-file", "1"]
    paths = [str(Path(__file__).parents[2] / "src"), os.environ.get("PYTHONPATH", "")]
    server = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONUNBUFFERED": "1"},
    )
    assert server.stdout is not None
    found = re.search(r"http://\S+", server.stdout.readline())
    assert found
    yield found[0]
    server.send_signal(signal.SIGINT)
    assert server.wait(30) == 0
    assert server.stdout.read().splitlines()[-1] == "ended"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for all tests."""
    with launched() as found:
        yield found


@contextmanager
def tab(browser: Any, address: str, **context: Any) -> Iterator[Any]:
    """A page that must not complain, nor ask anything of another server."""
    kept = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | context)
    page, wrong = kept.new_page(), []
    page.on("console", lambda one: wrong.append(one.text) if one.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    outside = (address, "data:", "blob:")
    page.on("request", lambda one: None if one.url.startswith(outside) else wrong.append(one.url))
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    yield page
    kept.close()
    assert not [one for one in wrong if "the server responded with a status of 4" not in one.lower()], wrong


def form(page: Any, verb: str) -> Any:
    """The form of a verb, shown."""
    found = page.locator(f'form[data-verb="{verb}"]')
    if not found.is_visible():
        page.locator("details.other", has=found).locator("summary").first.click()
    return found


def asked(verb: str, folder: Path) -> tuple[dict[str, list[Path]], dict[str, str]]:
    """Files by their place, and settings: those of the verb's example, or a pattern of the sample."""
    example = VERBS[verb].example
    if not example.word:
        return example.paths(), dict(example.settings)
    path = folder / "pattern.npy"
    np.save(path, read_sample()[13]["pattern"])
    return {"patterns": [path]}, {"window": "200"}


@pytest.mark.parametrize(
    "verb", ["geometry/predict", "patterson/solve", "crystals/interpolate", "molmnist/predict"]
)
def test_from_files_to_downloaded_results(browser: Any, address: str, verb: str, tmp_path: Path):
    with tab(browser, address) as page:
        one = form(page, verb)
        files, settings = asked(verb, tmp_path)
        for place, paths in files.items():
            one.locator(f'input[name="{place}"]').set_input_files(paths)
        for name, value in settings.items():
            one.locator(f'[name="{name}"]').fill(value)
        one.get_by_role("button", name="Run", exact=True).click()
        page.wait_for_url("**/runs/*")
        page.get_by_role("link", name="Download all (zip)").wait_for()
        verdict = page.locator(".state .badge").inner_text()
        # The steps in the middle between two crystals are best guesses.
        assert verdict == ("✗ not all trusted" if "interpolate" in verb else "✓ trusted")
        with page.expect_download() as got:
            page.get_by_role("link", name="Download all (zip)").click()
        got.value.save_as(tmp_path / "all.zip")
        assert shutil.unpack_archive(tmp_path / "all.zip", tmp_path / "all") is None
        assert (tmp_path / "all" / "index.html").is_file()
        assert page.frame_locator("iframe.result").locator("h1").inner_text()


def test_an_example_by_keyboard_alone_on_a_phone_in_the_dark(browser: Any, address: str):
    with tab(browser, address, viewport={"width": 390, "height": 800}, color_scheme="dark") as page:
        for _ in range(200):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.textContent").startswith("Example: pattern 13"):
                break
        page.keyboard.press("Enter")
        page.wait_for_url("**/runs/*")
        page.get_by_role("link", name="Open its page").wait_for()
        for path in (page.url, address, f"{address}runs", f"{address}api", f"{address}new/patterson/solve"):
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
            ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert sum(map(int, re.findall(r"\d+", ground)[:3])) < 150
            unnamed = "[...document.querySelectorAll('input, select')].filter(one => !one.labels.length)"
            assert page.evaluate(f"{unnamed}.map(one => one.name)") == []


def test_a_hostile_name_is_text_and_a_refused_file_is_told(browser: Any, address: str, tmp_path: Path):
    hostile = tmp_path / "<img src=x onerror=alert(1)>.npy"
    hostile.write_bytes(b"no image")
    with tab(browser, address) as page:
        one = form(page, "geometry/predict")
        one.locator('input[name="files"]').set_input_files(hostile)
        assert "<img" in one.locator(".chosen").inner_text()
        one.get_by_role("button", name="Run", exact=True).click()
        page.wait_for_url("**/runs/*")
        page.get_by_role("button", name="Delete").wait_for()
        assert "✗ failed" in page.locator(".state").inner_text()
        page.goto(address)
        (tmp_path / "large.npy").write_bytes(b"0" * (2**20 + 1))
        one = form(page, "geometry/predict")
        one.locator('input[name="files"]').set_input_files(tmp_path / "large.npy")
        one.get_by_role("button", name="Run", exact=True).click()
        told = one.locator('[role="alert"]')
        told.wait_for()
        assert "larger than" in told.inner_text()


def test_a_run_is_cancelled_repeated_and_deleted(browser: Any, address: str):
    with tab(browser, address) as page:
        one = form(page, "patterson/solve")
        one.locator('input[name="data"]').set_input_files(EXAMPLES / "cod_2016452.hkl.gz")
        one.locator('[name="cell"]').fill("10,10,10,90,90,90")
        one.locator('[name="time_limit"]').fill("5m")
        one.get_by_role("button", name="Run", exact=True).click()
        page.wait_for_url("**/runs/*")
        page.get_by_text("attempts", exact=False).first.wait_for()
        page.get_by_role("button", name="Cancel").click()
        page.get_by_text("cancelled").first.wait_for()
        page.get_by_role("link", name="Repeat with other settings").click()
        again = form(page, "patterson/solve")
        assert again.locator('[name="cell"]').input_value() == "10,10,10,90,90,90"
        again.locator('[name="cell"]').fill("9.748,8.890,7.566,90,112.74,90")
        again.locator('[name="formula"]').fill("C14H14O2")
        again.get_by_role("button", name="Run", exact=True).click()
        page.wait_for_url("**/runs/*")
        page.get_by_text("✓ trusted").first.wait_for()
        page.get_by_role("button", name="Delete").click()
        page.get_by_role("button", name="Really delete its files?").click()
        page.wait_for_url("**/runs")
