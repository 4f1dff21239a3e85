"""The view of an image in a browser: exact counts, d by argand's own formulas, spots, light, dark, narrow."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numpy as np
import pytest
from browsing import launched

from argand.page.document import Document, write_document
from argand.page.image_view import ShownImage, image_view
from argand.page.pixels import script_beside, small_image, squeezed, tiles_of
from argand.physics.still.detector import BeamGeometry
from argand.physics.still.resolution import ring_px, ring_spacings

SECONDS = 20.0
"""Patience with a page, on a busy machine."""
TILTED = BeamGeometry((700.25, 610.5), 150.0, 0.98, (0.172, 0.15), pitch=0.06, yaw=-0.11)
VIEWER = "document.querySelector('figure.view').viewer"


@dataclass
class Tab:
    """A page in a browser, and what it complained about."""

    page: Any
    complaints: list[str] = field(default_factory=list)

    def run(self, code: str) -> Any:
        return self.page.evaluate(code)

    def wait_for(self, condition: str) -> None:
        end = monotonic() + SECONDS
        while not self.run(f"Boolean({condition})"):
            assert monotonic() < end, (condition, self.complaints)
            sleep(0.05)

    def drawn(self) -> None:
        self.run("document.querySelector('figure.view').scrollIntoView()")
        self.wait_for(f"document.querySelector('figure.view').dataset.drawn === 'yes' && {VIEWER}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for all tests."""
    with launched() as found:
        yield found


@pytest.fixture
def tab(browser: Any) -> Iterator[Callable[..., Tab]]:
    """Opens a page; at the end nothing may have complained."""
    tabs: list[Tab] = []

    def open_page(path: Path, width: int = 1300, scheme: str = "light") -> Tab:
        size = {"width": width, "height": 900}
        one = Tab(browser.new_context(viewport=size, color_scheme=scheme).new_page())
        one.page.on("console", lambda message: one.complaints.append(message.text))
        one.page.on("pageerror", lambda error: one.complaints.append(str(error)))
        one.page.goto(path.as_uri())
        tabs.append(one)
        return one

    yield open_page
    assert [one.complaints for one in tabs] == [[] for _ in tabs]


def image_of(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """An image with spots and gaps, and its usable pixels."""
    rng = np.random.default_rng(3)
    image = rng.poisson(7, (1300, 1400)).astype(kind)
    image[301, 402] = 41_234
    mask = np.ones(image.shape, bool)
    mask[500:520] = False
    if np.dtype(kind).kind != "u":
        image[500:520] = -1
    return image, mask


def write(folder: Path, kind: str = "int32", **more: Any) -> tuple[Path, np.ndarray]:
    """A page with a view of an image, its pixels beside it."""
    image, mask = image_of(kind)
    small = small_image(image, mask)
    px = np.random.default_rng(0).uniform(0, 1300, (40, 2)).astype(np.float32)
    small["spots"] = {"px": squeezed(px), "indexed": squeezed((np.arange(40) < 25).astype(np.uint8))}
    name = "a#b.pixels.js"
    (folder / name).write_text(script_beside(name, tiles_of(image, mask)))
    rings = ring_spacings(TILTED, (1300, 1400))
    shown = ShownImage(small, name, TILTED, True, (705.0, 608.0), np.diag([4.0, 1.0]), rings, **more)
    page = folder / "page.html"
    write_document(page, Document("Image", "An image.", [image_view("image a", shown)]))
    return page, image


def load_pixels(one: Tab) -> None:
    """Zoom in, until the pixels about the bright one are there."""
    one.run(f"{VIEWER}.move(402, 301, 40)")
    one.wait_for(f"{VIEWER}.tiles?.pixel(402, 301)")


@pytest.mark.parametrize("kind", ["uint16", "int32", "float32"])
def test_counts_at_full_zoom_are_those_of_the_image(tab: Callable[..., Tab], tmp_path: Path, kind: str):
    page, image = write(tmp_path, kind)
    one = tab(page)
    one.drawn()
    assert one.run(f"{VIEWER}.tiles") is None
    load_pixels(one)
    for fast, slow in [(402, 301), (0, 0), (1399, 1299), (255, 256), (700, 510)]:
        one.wait_for(f"{VIEWER}.tiles.pixel({fast}, {slow})")
        found = one.run(f"{VIEWER}.tiles.pixel({fast}, {slow})")
        assert found == {"counts": float(image[slow, fast]), "usable": not 500 <= slow < 520}
    assert "41234 counts" in one.run(f"{VIEWER}.describe(402.5, 301.5)")
    assert ", masked" in one.run(f"{VIEWER}.describe(700.5, 510.5)")
    assert one.run(f"{VIEWER}.tiles.pixel(-1, 3)") is None


def test_d_and_two_theta_under_the_pointer_are_argands_own(tab: Callable[..., Tab], tmp_path: Path):
    one = tab(write(tmp_path)[0])
    one.drawn()
    for px in [(3.5, 8.5), (1390.0, 40.0), (700.0, 1200.0), (712.0, 600.0)]:
        place = f"{px[0]}, {px[1]}"
        angle = f"{VIEWER}.geometry.twoTheta({place})"
        found = one.run(f"[{angle}, {VIEWER}.geometry.spacing({angle})]")
        d = 1 / np.linalg.norm(TILTED.q_from_px(np.array(px)))
        assert found == pytest.approx([float(TILTED.two_theta(np.array(px))), d], rel=1e-9)
        assert f"d {d:#.5g} Å" in one.run(f"{VIEWER}.describe({place})")


def test_rings_lie_where_their_d_scatters(tab: Callable[..., Tab], tmp_path: Path):
    one = tab(write(tmp_path)[0])
    one.drawn()
    points = one.run(f"{VIEWER}.geometry.ring({VIEWER}.geometry.angle(2.5))")
    np.testing.assert_allclose(np.array(points), ring_px(TILTED, 2.5), rtol=1e-9)


def test_spots_are_counted_and_can_be_hidden(tab: Callable[..., Tab], tmp_path: Path):
    one = tab(write(tmp_path)[0])
    one.drawn()
    shown = one.run("[...document.querySelectorAll('.tools button')].map(one => one.textContent)")
    assert "○ indexed 25" in shown
    assert "□ not indexed 15" in shown
    before = one.run(f"{VIEWER}.canvas.toDataURL()")
    one.page.get_by_role("button", name="○ indexed 25").click()
    one.wait_for(f"{VIEWER}.canvas.toDataURL() !== {before!r}")
    assert (
        one.run("document.querySelector('.tools button[aria-pressed=false]').textContent") == "○ indexed 25"
    )


def test_keys_and_the_wheel_move_and_zoom(tab: Callable[..., Tab], tmp_path: Path):
    one = tab(write(tmp_path)[0])
    one.drawn()
    one.page.locator("figure.view canvas").focus()
    one.page.keyboard.press("1")
    assert one.run(f"{VIEWER}.zoom") == 1
    x = one.run(f"{VIEWER}.x")
    one.page.keyboard.press("ArrowLeft")
    assert one.run(f"{VIEWER}.x") < x
    one.page.keyboard.press("c")
    assert one.run(f"[{VIEWER}.x, {VIEWER}.y]") == list(TILTED.beam_centre_px)
    one.wait_for("document.querySelector('[aria-live]:not(:empty)')?.textContent.includes('pixel 700, 610')")
    one.page.keyboard.press("0")
    whole = one.run(f"{VIEWER}.zoom")
    place = one.run(f"{VIEWER}.from(400, 300)")
    box = one.page.locator("figure.view canvas").bounding_box()
    one.page.mouse.move(box["x"] + 400, box["y"] + 300)
    one.page.mouse.wheel(0, -300)
    one.wait_for(f"{VIEWER}.zoom > {whole}")
    assert one.run(f"{VIEWER}.from(400, 300)") == pytest.approx(place, abs=2)


def test_many_tiles_are_not_kept(tab: Callable[..., Tab], tmp_path: Path):
    one = tab(write(tmp_path)[0])
    one.drawn()
    load_pixels(one)
    fill = "for (let n = 40; n < 640; n++) { tiles.packed[n] = tiles.packed[0]; tiles.at(0, n); }"
    one.run(f"(tiles => {{ {fill} }})({VIEWER}.tiles)")
    one.wait_for(f"[...{VIEWER}.tiles.kept.values()].every(one => one)")
    assert one.run(f"{VIEWER}.tiles.kept.size") <= 240


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_a_page_fits_a_telephone_and_both_colours(
    tab: Callable[..., Tab], tmp_path: Path, width: int, scheme: str
):
    one = tab(write(tmp_path)[0], width, scheme)
    one.drawn()
    load_pixels(one)
    assert one.run("document.documentElement.scrollWidth <= innerWidth")
    assert one.run(f"{VIEWER}.canvas.getContext('2d').getImageData(9, 9, 1, 1).data[3]") == 255


def test_without_the_pixels_beside_it_the_page_says_so(tab: Callable[..., Tab], tmp_path: Path):
    page, _ = write(tmp_path)
    (tmp_path / "a#b.pixels.js").unlink()
    one = tab(page)
    one.drawn()
    one.run(f"{VIEWER}.move(402, 301, 40)")
    one.wait_for("document.body.innerText.includes('is not beside this page')")
    assert "half mean" in one.run(f"{VIEWER}.describe(402.5, 301.5)")
    # The browser itself tells that the file is missing.
    one.complaints.clear()


def test_the_next_image_is_shown_at_the_same_place(tab: Callable[..., Tab], tmp_path: Path):
    page, _ = write(tmp_path, next="page.html")
    one = tab(page)
    one.drawn()
    one.run(f"{VIEWER}.move(402, 301, 12)")
    state = one.run(f"{VIEWER}.state()")
    again = tab(page)
    again.page.goto(f"{page.as_uri()}{state}")
    again.page.reload()
    again.drawn()
    assert again.run(f"[{VIEWER}.x, {VIEWER}.y, {VIEWER}.zoom]") == [402, 301, 12]
