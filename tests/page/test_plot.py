"""Plots of pages: what they keep of their arrays, and in a browser what they show of them."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import launched

from argand.page.document import Document, write_document
from argand.page.parts import Row, table
from argand.page.plot import Axis, Plot, Series, bars, heat_map, lines, plot_view, points

HOSTILE = "<img src=x onerror=pwned=1>\"'`${pwned=1}` var(--ink)"
X, Y = Axis("x", "Å", -3.0, 0.5), Axis("y", "Å", 10.0, 1.0)
Open = Callable[..., Any]


def ramp(**more: Any) -> Plot:
    """A heat map whose values count its cells."""
    return heat_map(np.arange(84.0).reshape(6, 14), title="ramp", x=X, y=Y, unit="counts", **more)


def curves() -> Plot:
    """Two lines over frames, one with errors."""
    frames = np.arange(12)
    return lines(
        [
            Series("energy", frames, 5.0 - frames, np.full(12, 0.25)),
            Series("test", frames, np.exp(-frames / 3.0)),
        ],
        title="curves",
        x="frame",
        y="energy, eV",
    )


def cloud(names: list[str]) -> Plot:
    """Points along a bent line, coloured by kind or by a number."""
    n = np.arange(len(names))
    colour_by = {"kind": ["even" if k % 2 == 0 else "odd" for k in n], "size, Å": [float(k) for k in n]}
    return points(n, (n - 4.0) ** 2, names, title="map", x_name="a", y_name="b", colour_by=colour_by)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for all tests."""
    with launched() as found:
        yield found


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens a page of parts with all views drawn; at the end nothing may have complained."""
    complaints: list[str] = []
    contexts = []

    def load(*parts: str, width: int = 1440, scheme: str = "light") -> Any:
        file = write_document(tmp_path / "page.html", Document("Plots", "lead", parts))
        context = browser.new_context(viewport={"width": width, "height": 2000}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda one: complaints.append(one.text))
        page.on("pageerror", lambda one: complaints.append(str(one)))
        page.goto(file.as_uri())
        # Not `wait_for_function`, which evaluates text: the policy of the page does not allow that.
        page.locator("figure.view:not([data-drawn=yes])").first.wait_for(state="detached")
        return page

    yield load
    for context in contexts:
        context.close()
    assert complaints == []


def box_of(page: Any, place: int = 0) -> dict[str, float]:
    """Where the picture of a heat map is on the screen."""
    found = page.locator(".plot").nth(place).locator("svg > g image").bounding_box()
    assert found is not None
    return found


@pytest.mark.parametrize("coded", [False, True])
def test_the_value_under_a_hovered_cell_is_that_of_the_array(opened: Open, coded: bool):
    page = opened(plot_view([ramp(coded=coded)], "a ramp"))
    box = box_of(page)
    assert box["width"] / box["height"] == pytest.approx(14 * 0.5 / 6, rel=0.01)
    for row, column in ((0, 0), (5, 13), (2, 9)):
        page.mouse.move(
            box["x"] + (column + 0.5) / 14 * box["width"], box["y"] + (5.5 - row) / 6 * box["height"]
        )
        places, value = page.locator(".readout div").all_inner_texts()
        assert places == f"x {-3 + 0.5 * column:g} Å, y {10 + row} Å".replace("-", "−")
        assert float(value.removeprefix("counts: ")) == pytest.approx(
            14 * row + column, abs=83 / 508 if coded else 0
        )


def test_cells_without_a_value_say_so_and_zero_is_below_a_log_scale(opened: Open):
    values = np.full((4, 4), 100.0)
    values[3, 0], values[3, 1], values[3, 2] = np.nan, 0.0, 1.0
    plot = heat_map(values, title="t", x=X, y=X, unit="counts", scale="log", coded=True)
    page = opened(plot_view([plot], "four cells"))
    box = box_of(page)
    told = []
    for column in range(4):
        page.mouse.move(box["x"] + (column + 0.5) / 4 * box["width"], box["y"] + 5)
        told.append(page.locator(".readout div").last.inner_text())
    assert told == ["counts: no value", "counts: ≤ 1", "counts: ≤ 1", "counts: 100"]


def test_arrow_keys_move_a_readout_by_one_cell(opened: Open):
    page = opened(plot_view([ramp()], "a ramp"))
    page.locator(".plot").focus()
    told = []
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "Shift+ArrowLeft"):
        page.keyboard.press(key)
        told.append(int(page.locator(".readout div").last.inner_text().removeprefix("counts: ")))
    assert told == [49, 50, 64, 56]
    page.keyboard.press("Escape")
    assert page.locator(".readout").is_hidden()
    assert (
        page.locator(".plot")
        .get_attribute("aria-label")
        .startswith("ramp: 14 × 6 cells; counts from 0 to 83")
    )


def test_a_touch_tells_a_value_until_another_place_is_touched(browser: Any, tmp_path: Path):
    file = write_document(tmp_path / "page.html", Document("Plots", "lead", [plot_view([ramp()], "a ramp")]))
    context = browser.new_context(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(file.as_uri())
    page.locator("figure.view[data-drawn=yes]").wait_for()
    box = box_of(page)
    page.touchscreen.tap(box["x"] + 0.5 / 14 * box["width"], box["y"] + 5.5 / 6 * box["height"])
    assert page.locator(".readout div").last.inner_text() == "counts: 0"
    page.touchscreen.tap(200, 20)
    assert page.locator(".readout").is_hidden()
    context.close()


RANGES = (
    ("linear", 0.0, 1.0),
    ("linear", -31.7, 88.2),
    ("linear", 3e5, 9e5),
    ("linear", 1.2e-9, 7.7e-9),
    ("linear", 99.95, 100.05),
    ("log", 1e-7, 3.0),
    ("log", 2.0, 40.0),
    ("log", 3.1, 4.2),
)


def number_of(text: str) -> float:
    """The value that a label of a tick shows."""
    plain = text.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--"))
    if plain == text.replace("−", "-"):
        return float(plain)
    factor, power = plain.split("×10") if "×" in plain else ("1", plain[2:])
    return float(factor) * 10.0 ** int(power)


def test_ticks_are_round_inside_and_what_their_labels_say(opened: Open):
    page = opened(plot_view([ramp()], "a ramp"))
    for kind, low, high in RANGES:
        for count in (2, 5, 9):
            ticks = page.evaluate(f"argand.plot.scale('{kind}', {low}, {high}).ticks({count})")
            values = [tick["value"] for tick in ticks]
            assert values, (kind, low, high)
            assert low * (1 - 1e-6) - 1e-12 <= min(values), (low, values)
            assert max(values) <= high * (1 + 1e-6) + 1e-12, (high, values)
            for tick in ticks:
                assert number_of(tick["text"]) == pytest.approx(tick["value"], rel=2e-3, abs=1e-12), tick
            if kind == "linear" and len(values) > 1:
                step = values[1] - values[0]
                assert np.diff(values) == pytest.approx(step, rel=1e-3)
                assert f"{step:.1e}"[:3] in ("1.0", "2.0", "5.0"), values


def test_ticks_stand_within_their_plot_and_do_not_overlap(opened: Open):
    late = np.linspace(0, 400_000, 90)
    long = lines([Series("loss", late, np.exp(-late / 1e5))], title="t", x="step", y="loss", scale="log")
    page = opened(plot_view([ramp(), curves(), long], "plots"))
    for place in page.locator(".plot").all():
        frame = place.bounding_box()
        across = [one.bounding_box() for one in place.locator("[data-tick=x]").all()]
        assert len(across) >= 2
        for one in [*across, *(two.bounding_box() for two in place.locator("[data-tick]").all())]:
            assert frame["x"] <= one["x"]
            assert one["x"] + one["width"] <= frame["x"] + frame["width"]
        for first, second in pairwise(across):
            assert first["x"] + first["width"] < second["x"]


def test_a_group_shows_one_item_in_points_lines_and_table(opened: Open):
    names = [f"frame {n}" for n in range(12)]
    rows = [Row([name], group="film", number=n) for n, name in enumerate(names)]
    page = opened(plot_view([curves(), cloud(names)], "film", group="film"), table(["name"], rows))
    chosen = page.locator("tr.chosen")
    page.locator("[data-point='3']").click()
    assert chosen.inner_text() == "frame 3"
    page.mouse.move(0, 0)
    page.locator(".plot").first.focus()
    page.keyboard.press("ArrowRight")
    assert chosen.inner_text() == "frame 4"
    assert page.locator(".readout").first.locator("div").all_inner_texts() == [
        "frame: 4",
        "energy: 1 ± 0.25",
        "test: 0.2636",
    ]
    page.locator("tr", has_text="frame 7").click()
    ring = page.locator(".plot").nth(1).locator("svg > g").last.locator("circle").first
    point = page.locator("[data-point='7']")
    assert abs(middle(ring.bounding_box()) - middle(point.bounding_box())) < 1.5


def middle(box: dict[str, float]) -> float:
    """The place of the middle of a box on the screen, as one number."""
    return box["x"] + box["width"] / 2 + 1000 * (box["y"] + box["height"] / 2)


def test_points_are_coloured_by_what_is_chosen(opened: Open):
    page = opened(plot_view([cloud([str(n) for n in range(9)])], "map"))
    assert page.locator("[data-tick=bar]").count() == 0
    assert page.locator(".plot svg text", has_text="odd").count() == 1
    page.locator("select").select_option("1")
    assert page.locator("[data-tick=bar]").count() >= 2
    assert len({page.locator(f"[data-point='{n}']").get_attribute("fill") for n in range(9)}) == 9


def test_hostile_names_are_shown_as_they_are(opened: Open):
    wild = [
        heat_map(np.eye(3), title=HOSTILE, x=Axis(HOSTILE, "Å", 0, 1), y=Y, unit=HOSTILE),
        lines(
            [Series(HOSTILE, [0, 1], [0, 1]), Series("b", [0, 1], [1, 0])], title="l", x=HOSTILE, y=HOSTILE
        ),
        bars([HOSTILE, "b"], [0.5, 0.2], title=HOSTILE, y="p", highlight=HOSTILE),
        points([0], [0], [HOSTILE], title="p", x_name="x", y_name="y", colour_by={HOSTILE: [HOSTILE]}),
    ]
    page = opened(plot_view(wild, HOSTILE, group="g"))
    for place in page.locator(".plot").all():
        place.focus()
        page.keyboard.press("ArrowRight")
        assert HOSTILE in place.locator(".readout").inner_text() or HOSTILE in place.get_attribute(
            "aria-label"
        )
    assert page.locator("img").count() == 0
    assert page.evaluate("typeof pwned") == "undefined"
    with page.expect_download() as saved:
        page.get_by_text("save as PNG").click()
    assert saved.value.path().read_bytes()[1:4] == b"PNG"


CONTRAST = """(() => {
  const channel = value => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = colour => colour.match(/[\\d.]+/g).slice(0, 3).map(Number).map(channel)
    .reduce((sum, value, n) => sum + value * [0.2126, 0.7152, 0.0722][n], 0);
  const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  return [...document.querySelectorAll(".plot svg text")].map(one => ratio(light(getComputedStyle(one).fill),
    light(getComputedStyle(one.closest(".plot")).backgroundColor)));
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_plots_are_legible_in_light_and_dark_on_a_phone_and_a_desk(opened: Open, scheme: str, width: int):
    chances = bars(["2x2", "hexagonal-24"], [0.2, 0.8], title="p", y="probability", highlight="2x2")
    page = opened(plot_view([ramp(), curves(), chances], "plots"), width=width, scheme=scheme)
    ratios = page.evaluate(CONTRAST)
    assert len(ratios) > 20
    assert min(ratios) >= 4.5
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    tops = [one.bounding_box()["y"] for one in page.locator(".plot").all()]
    assert len(set(tops)) == (3 if width == 390 else 1)


def test_scales_have_two_ends_whatever_the_values():
    nothing, flat = np.full((2, 2), np.nan), np.zeros((2, 2))
    for values in (nothing, flat, flat - 3.0, np.array([[0.0, 1e-300], [5.0, np.nan]])):
        for scale in ("linear", "log"):
            for colours in ("magma", "signed"):
                if (scale, colours) == ("log", "signed"):
                    continue
                plot = heat_map(
                    values, title="t", x=X, y=Y, unit="u", scale=scale, colours=colours, coded=True
                )
                assert plot["low"] < plot["high"]


def test_a_bar_that_is_not_there_cannot_be_marked():
    assert bars(["a", "b"], [1, 2], title="t", y="y", highlight="b")["highlight"] == 1
    with pytest.raises(ValueError, match="'c'"):
        bars(["a", "b"], [1, 2], title="t", y="y", highlight="c")
