"""Sections through a map: what the page is given, and what a browser draws and tells."""

import base64
import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
import pytest
from browsing import Browsing, Seen, browsing

from argand.errors import InputError
from argand.page.document import Document, write_document
from argand.page.parts import Row, table
from argand.page.sections_view import SectionMap, SectionMark, sections_view
from argand.physics.crystal.symmetry import Group
from argand.physics.phasing.harker_section import harker_sections_of
from argand.physics.phasing.patterson_map import patterson_group

CELL = gemmi.UnitCell(9.7, 8.9, 7.6, 90, 112.7, 90)
LATTICE = np.array(CELL.orth.mat.tolist()).T
SHAPE = (20, 18, 16)
PEAKS = ((0.2, 0.1, 0.3), (0.4, 0.5, 0.1), (0.0, 0.2, 0.5))


def patterson(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """A smooth map with the symmetry 2/m and peaks at PEAKS of heights 3, 2 and 1."""
    steps = np.stack(np.meshgrid(*[np.arange(n) / n for n in shape], indexing="ij"), -1)
    values = np.zeros(shape)
    for height, place in zip((3, 2, 1), PEAKS, strict=True):
        for rotation in np.unique(patterson_group(Group.from_name("P 21/c")).rotations, axis=0):
            angle = 2 * np.pi * (steps - rotation @ place)
            values += height * np.exp(6 * (np.cos(angle).sum(-1) - 3))
    return values


def drawn(group: str = "P 21/c", **other: Any) -> SectionMap:
    symmetry = Group.from_name(group)
    marks = [SectionMark(str(n), place, 4.0 - n) for n, place in enumerate(PEAKS, 1)]
    settings = {"marks": marks, "symmetry": patterson_group(symmetry), "harker": harker_sections_of(symmetry)}
    return SectionMap(patterson(), LATTICE, 3.0, **{"group": "peaks", "start": (2, 0.0), **settings, **other})


def told(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def unpacked(data: dict[str, Any]) -> np.ndarray:
    """The map as the script makes it again."""
    kept = data["values"]
    flat = np.frombuffer(gzip.decompress(base64.b64decode(kept["data"])), "<i2").reshape(kept["shape"])
    return data["lowest"] + data["step"] * np.cumsum(flat.astype(int), axis=2)


def test_half_of_a_centrosymmetric_map_is_sent_and_is_the_map():
    data = told(sections_view(drawn(), "a map"))
    assert data["half"]
    np.testing.assert_allclose(unpacked(data), patterson()[:11], atol=data["step"])


def test_a_map_without_inversion_centre_is_sent_whole():
    values = np.random.default_rng(0).normal(size=SHAPE)
    data = told(sections_view(SectionMap(values, LATTICE, 1.0), "a map"))
    assert not data["half"]
    np.testing.assert_allclose(unpacked(data), values, atol=data["step"])


def test_a_large_map_is_sent_on_a_coarser_grid_with_the_same_values():
    data = told(sections_view(SectionMap(patterson((120, 110, 100)), LATTICE, 3.0), "a map"))
    assert np.prod(data["size"]) <= 2 * 64**3
    grid = gemmi.FloatGrid(patterson((120, 110, 100)).astype(np.float32))
    found = unpacked(data)
    for x, y, z in ((3, 4, 5), (20, 30, 10), (9, 0, 40)):
        place = np.array([x, y, z]) / data["size"]
        true = grid.interpolate_value(gemmi.Fractional(*place), order=3)
        assert found[x, y, z] == pytest.approx(true, abs=0.02)


def test_a_part_about_the_origin_has_its_own_coordinates():
    values = np.zeros((12, 12, 12))
    values[2, 0, 0] = values[-2, 0, 0] = 1.0
    data = told(sections_view(SectionMap(values, np.eye(3), 1.0, reach=(4, 4, 4)), "a map"))
    assert data["size"] == [9, 9, 9]
    assert data["half"]
    assert np.argwhere(unpacked(data) > 0.5).tolist() == [[2, 0, 0]]


@pytest.mark.parametrize("values", [np.zeros((3, 4)), np.full((4, 4, 4), np.nan), np.zeros((1, 4, 4))])
def test_what_is_no_map_is_refused(values: np.ndarray):
    with pytest.raises(InputError, match="not a map"):
        sections_view(SectionMap(values, LATTICE, 1.0), "a map")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browsing]:
    """One Chromium for all tests here."""
    with browsing() as found:
        yield found


def page_of(folder: Path, shown: SectionMap) -> Path:
    rows = [
        Row([f'<button type="button">{n}</button>', *(f"{value:.3f}" for value in place)], "peaks", n)
        for n, place in enumerate(PEAKS, 1)
    ]
    parts = [sections_view(shown, "a map", name="map"), table(["peak", "u", "v", "w"], rows)]
    return write_document(folder / "index.html", Document("map", "a map", parts))


def reading(seen: Seen) -> str:
    seen.page.wait_for_timeout(150)
    return seen.page.locator(".reading").inner_text()


def stage(seen: Seen) -> dict[str, str]:
    seen.page.wait_for_timeout(150)
    return seen.page.evaluate("({...document.querySelector('.stage').dataset})")


@pytest.mark.slow
@pytest.mark.parametrize(("axis", "height"), [(0, 0.2), (1, 0.5), (2, 0.3)])
def test_the_height_that_is_told_is_that_of_the_map(
    tmp_path: Path, browser: Browsing, axis: int, height: float
):
    grid = gemmi.FloatGrid(patterson().astype(np.float32))
    shown = drawn(start=(axis, height), heights=("height", 1.0, 3))
    with browser.opened(page_of(tmp_path, shown)) as seen:
        seen.draw_all()
        box = seen.page.locator(".stage canvas").bounding_box()
        assert box is not None
        for right, down in ((0.45, 0.45), (0.55, 0.4), (0.5, 0.6)):
            seen.page.mouse.move(box["x"] + right * box["width"], box["y"] + down * box["height"])
            line = reading(seen).replace("−", "-")
            found = re.fullmatch(r"u v w = (\S+) (\S+) (\S+), length (\S+) Å, height (\S+)", line)
            assert found is not None, line
            *place, length, value = map(float, found.groups())
            assert place[axis] == height
            true = grid.interpolate_value(gemmi.Fractional(*place), order=3)
            assert value == pytest.approx(true, abs=0.01)
            assert length == pytest.approx(np.linalg.norm(place @ LATTICE), abs=0.02)
        assert seen.complaints == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("group", "names"),
    [
        ("P 21/c", ["v = 1/2: -x,y+1/2,-z+1/2", "u = 0, w = 1/2: x,-y+1/2,z+1/2"]),
        (
            "P 21 21 21",
            ["u = 1/2: x+1/2,-y+1/2,-z", "v = 1/2: -x,y+1/2,-z+1/2", "w = 1/2: -x+1/2,-y,z+1/2"],
        ),
    ],
)
def test_each_harker_section_has_a_button_that_shows_it(
    tmp_path: Path, browser: Browsing, group: str, names: list[str]
):
    with browser.opened(page_of(tmp_path, drawn(group))) as seen:
        seen.draw_all()
        buttons = seen.page.locator(".harker button")
        assert sorted(buttons.all_inner_texts()) == sorted(names)
        for name in names:
            buttons.get_by_text(name, exact=True).press("Enter")
            now = stage(seen)
            equations = dict(re.findall(r"(\w) = ([\d/]+)", name.split(":")[0]))
            wanted = equations["uvw"[int(now["axis"])]]
            assert float(now["height"]) == {"0": 0.0, "1/2": 0.5}[wanted]
            assert name.split(": ")[1] in reading(seen)
        assert seen.complaints == []


@pytest.mark.slow
def test_a_row_shows_its_peak_and_a_peak_its_row(tmp_path: Path, browser: Browsing):
    with browser.opened(page_of(tmp_path, drawn())) as seen:
        seen.draw_all()
        for number, height in ((1, 0.3), (2, 0.1), (3, 0.5), (1, 0.3)):
            seen.page.locator(f'tr[data-number="{number}"] button').press("Enter")
            now = stage(seen)
            assert now["chosen"] == str(number)
            assert float(now["height"]) == pytest.approx(height)
            chosen = "[...document.querySelectorAll('tr.chosen')].map(row => row.dataset.number)"
            assert seen.page.evaluate(chosen) == [str(number)]
        # Another section: nothing is chosen, so that the same row can be asked for again.
        seen.page.locator(".stage").press("PageDown")
        assert stage(seen)["chosen"] == ""
        seen.page.locator('tr[data-number="1"]').click()
        assert stage(seen)["chosen"] == "1"


@pytest.mark.slow
def test_keys_choose_axis_section_and_place(tmp_path: Path, browser: Browsing):
    with browser.opened(page_of(tmp_path, drawn())) as seen:
        seen.draw_all()
        shown = seen.page.locator(".stage")
        shown.press("b")
        shown.press("PageUp")
        now = stage(seen)
        assert now["axis"] == "1"
        assert float(now["height"]) == pytest.approx(1 / 18)
        shown.press("ArrowRight")
        shown.press("ArrowUp")
        assert reading(seen).startswith("u v w = 0.050 0.056 0.063,")


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_shows_all_without_sideways_scrolling(tmp_path: Path, browser: Browsing, dark: bool):
    with browser.opened(page_of(tmp_path, drawn("P n m a")), phone=True, dark=dark) as seen:
        seen.draw_all()
        assert seen.overhang_px <= 0
        corner = "[...document.querySelector('.stage canvas').getContext('2d').getImageData(2, 2, 1, 1).data]"
        assert (sum(seen.page.evaluate(corner)[:3]) < 200) == dark
        assert seen.complaints == []


@pytest.mark.slow
def test_a_section_is_saved_as_a_picture(tmp_path: Path, browser: Browsing):
    with browser.opened(page_of(tmp_path, drawn(start=(1, 0.5)))) as seen:
        seen.draw_all()
        with seen.page.expect_download() as kept:
            seen.page.get_by_role("button", name="save PNG").click()
        assert kept.value.suggested_filename == "map-v-0.500.png"
        assert Path(kept.value.path()).read_bytes().startswith(b"\x89PNG")
