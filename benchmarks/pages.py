"""Size of the pages of results, and the time until a reader sees them, compared with an earlier commit.

    git worktree add ../before b98914ff
    python benchmarks/pages.py --before ../before --json benchmarks/results/pages.json

Both commits write the same results, and one headless Chromium that draws in software opens the pages of both
in turns. "First content" is the browser's own First Contentful Paint. A page is complete at its last change:
the last element or attribute that changed, or the end of the last task of more than 50 ms, before SETTLED
seconds without any. Only what is in the window (1440 x 900 px) is drawn by then; "all" is the time until
every view of our pages is drawn, while the page is scrolled from view to view. The earlier pages, drawn with
plotly, show everything at once. Needs playwright, Chromium, and plotly for commits before this one.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from playwright.sync_api import Browser, Page, sync_playwright
from report import as_table, write_report
from rich.console import Console

from argand.learn.device import processor_name

HERE = Path(__file__).resolve().parents[1]
DATA = HERE / "examples" / "data"
FLAGS = ("--no-sandbox", "--use-gl=swiftshader", "--enable-unsafe-swiftshader")
SETTLED = 1.5
"""Seconds without a change after which a page counts as complete. By hand: longer than a pause in drawing."""
PATIENCE = 90.0
"""Seconds that a page may take in all."""
CRYSTAL = (
    *("--cell", "9.748,8.890,7.566,90,112.74,90", "--spacegroup", "P 21/c"),
    *("--formula", "C14H14O2", "--seed", "0"),
)
VERBS = {
    "geometry, 1 image": ("geometry", "predict", str(DATA / "thau_3_2_0006.cbf.bz2")),
    "patterson, 1 crystal": ("patterson", "solve", str(DATA / "cod_2016452.hkl.gz"), *CRYSTAL),
    "molmnist, 1 pattern": ("molmnist", "predict", "sample#13"),
    "crystals, 1 structure": (
        "crystals",
        "reconstruct",
        str(DATA / "crystals" / "LiFePO4_mp-19017.cif"),
    ),
    "crystals, interpolation": (
        "crystals",
        "interpolate",
        *(str(DATA / "crystals" / name) for name in ("SrTiO3_mp-5229.cif", "PbTiO3_mp-20459.cif")),
        "--accept-untrusted",
    ),
    "molmnist, 50 patterns": ("molmnist", "predict", "sample#0-49"),
    "geometry, 20 images": ("geometry", "predict", "IMAGES"),
}
"""What each page shows, and the command that makes it."""
WATCH = """window.argandLast = 0;
const changed = () => { window.argandLast = performance.now(); };
new MutationObserver(changed).observe(document, {subtree: true, childList: true, attributes: true});
const worked = one => { window.argandLast = Math.max(window.argandLast, one.startTime + one.duration); };
new PerformanceObserver(list => list.getEntries().forEach(worked)).observe({type: "longtask"});"""
FIRST = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"


@dataclass(frozen=True)
class Times:
    """Seconds from the start of the navigation."""

    first: float
    complete: float
    all: float | None


def made(source: Path, words: Sequence[str], folder: Path) -> Path:
    """The page that a command of the package in `source` writes to a folder."""
    if "IMAGES" in words:
        images = folder.with_name("images")
        images.mkdir(exist_ok=True)
        for number in range(20):
            shutil.copy(DATA / "thau_3_2_0006.cbf.bz2", images / f"thau_{number:04d}.cbf.bz2")
        words = [*words[:-1], str(images)]
    command = [sys.executable, "-m", "argand", *words, "--out", str(folder)]
    run = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(source)}, capture_output=True, text=True
    )
    if run.returncode not in (0, 3):
        raise RuntimeError(f"{words} ended with {run.returncode}: {run.stderr[-500:]}")
    return folder / "index.html"


def timed(browser: Browser, page: Path) -> Times:
    """How long a page takes in a window of its own."""
    window = browser.new_context(viewport={"width": 1440, "height": 900})
    window.add_init_script(WATCH)
    tab = window.new_page()
    try:
        tab.goto(page.as_uri(), wait_until="commit", timeout=1000 * PATIENCE)
        complete = _settled(tab)
        return Times(tab.evaluate(FIRST) / 1000, complete, _drawn(tab, complete))
    finally:
        window.close()


def _settled(tab: Page) -> float:
    """Seconds until the last change of a page."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        last, now = tab.evaluate("[window.argandLast, performance.now()]")
        if now - last > 1000 * SETTLED and tab.evaluate(FIRST) is not None:
            return last / 1000
        tab.wait_for_timeout(100)
    raise RuntimeError(f"{tab.url} is not complete after {PATIENCE:g} s")


def _drawn(tab: Page, complete: float) -> float | None:
    """Seconds until all views are drawn, when a reader scrolls through at once; folds stay closed.

    None where there are no views.
    """
    figures = [one for one in tab.query_selector_all("figure.view") if one.is_visible()]
    if not figures:
        return None
    begun = time.monotonic()
    for figure in figures:
        figure.scroll_into_view_if_needed()
        state = "figure => ['yes', 'failed'].includes(figure.dataset.drawn)"
        tab.wait_for_function(state, arg=figure, timeout=1000 * PATIENCE)
    if tab.query_selector("figure.view[data-drawn=failed]"):
        raise RuntimeError(f"{tab.url}: a view cannot be drawn")
    return complete + time.monotonic() - begun


def weight(page: Path) -> tuple[float, float]:
    """MB of a page itself, and of the scripts beside it that it may load."""
    beside = sum(path.stat().st_size for path in page.parent.glob("*.js"))
    return page.stat().st_size / 1e6, beside / 1e6


def row_of(what: str, pages: dict[str, Path], browser: Browser, repeats: int) -> dict[str, Any]:
    """The figures of one page, before and after; both are opened in turns."""
    rounds = [{when: timed(browser, page) for when, page in pages.items()} for _ in range(repeats)]
    row: dict[str, Any] = {"page": what}
    for when, page in pages.items():
        mine = [one[when] for one in rounds]
        row[f"{when}_mb"], row[f"{when}_beside_mb"] = weight(page)
        row[f"{when}_first_s"] = median(one.first for one in mine)
        row[f"{when}_complete_s"] = median(one.complete for one in mine)
        every = [one.all for one in mine if one.all is not None]
        row[f"{when}_all_s"] = median(every) if every else None
    return row


def main(
    before: Annotated[Path, typer.Option(help="Checkout of the earlier commit.")],
    repeats: Annotated[
        int, typer.Option(help="Openings of each page, of which the median counts.", min=1)
    ] = 3,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well")] = None,
) -> None:
    """Print size and times of each page, before and after."""
    sources = {"before": before.resolve() / "src", "after": HERE / "src"}
    if not (sources["before"] / "argand").is_dir():
        raise typer.BadParameter(f"{before} is no checkout of argand")
    rows = []
    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        program = next(
            filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
        )
        browser = driver.chromium.launch(executable_path=program, args=list(FLAGS))
        for number, (what, words) in enumerate(VERBS.items()):
            pages = {
                when: made(source, words, Path(name) / f"{when}-{number}") for when, source in sources.items()
            }
            rows.append(row_of(what, pages, browser, repeats))
        version = browser.version
        browser.close()
    Console(width=170).print(as_table(f"Pages in Chromium {version}, drawn in software", rows))
    if json_file:
        about = {"processor": processor_name(), "chromium": version, "repeats": repeats}
        write_report(json_file, {**about, "rows": rows})


if __name__ == "__main__":
    typer.run(main)
