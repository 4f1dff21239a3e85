"""What a browser draws of structures: bonds, polyhedra, distances, contours, pictures."""

import base64
import io
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
import pytest
from browsing import launched
from PIL import Image

from argand.page.document import Document, write_document
from argand.page.structure_view import Density, DrawnStructure, Panel, structure_view

Open = Callable[..., Any]
DRIVER = "GPU stall due to ReadPixels"
"""Told by Chromium of all drawing without a graphics card."""
VIEW = "document.querySelector('figure.view').argand"


def until(page: Any, condition: str, seconds: float = 20) -> None:
    """Wait for a condition of a page; Playwright's own waiting is what the page's policy forbids."""
    end = time.monotonic() + seconds
    while not page.evaluate(f"Boolean({condition})"):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(30)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for all tests."""
    with launched() as found:
        yield found


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens a page of parts; after the test, nothing may stand on its console."""
    told: list[str] = []
    pages = []

    def open_page(*parts: str, **options: Any) -> Any:
        file = write_document(tmp_path / "page.html", Document("test", "test", parts))
        page = browser.new_page(**{"viewport": {"width": 1000, "height": 900}, **options})
        page.set_default_timeout(10_000)
        page.on("console", lambda line: told.append(line.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.goto(file.as_uri())
        until(page, VIEW)
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert [line for line in told if DRIVER not in line] == []


def drawn(page: Any, panel: int = 0) -> dict[str, Any]:
    """Numbers of what a panel shows."""
    return page.evaluate(
        "n => { const p = document.querySelector('figure.view').argand.panels[n]; return {atoms: p.atoms,"
        " bonds: p.bonds, polyhedra: p.polyhedra}; }",
        panel,
    )


def clicked(page: Any, atom: int) -> None:
    """Click an atom where it is drawn."""
    x, y = page.evaluate(
        "n => { const a = document.querySelector('figure.view').argand, s = a.spot(0, n);"
        " const b = a.panels[0].canvas.getBoundingClientRect(); return [b.x + s.x, b.y + s.y]; }",
        atom,
    )
    page.mouse.click(x, y)


def line(page: Any) -> str:
    return page.locator("figure.view .told [aria-live]").inner_text()


def chosen(page: Any, label: str, name: str) -> None:
    page.locator("figure.view label", has_text=label).locator("select").first.select_option(name)


def benzene(lattice: np.ndarray | None = None) -> DrawnStructure:
    """Benzene, in Å; or in a large cell, across its origin."""
    angles = np.arange(6) * np.pi / 3
    ring = np.column_stack([np.cos(angles), np.sin(angles), np.zeros(6)])
    places = np.vstack([1.39 * ring, 2.48 * ring])
    if lattice is not None:
        places = places @ np.linalg.inv(lattice)
    return DrawnStructure(["C"] * 6 + ["H"] * 6, places, lattice)


def salt() -> DrawnStructure:
    corner = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    places = np.vstack([corner, corner + 0.5])
    return DrawnStructure(["Na"] * 4 + ["Cl"] * 4, places, np.eye(3) * 5.64)


def perovskite(**more: Any) -> DrawnStructure:
    """SrTiO3 with titanium at the corners of the cell."""
    places = np.array([[0.5, 0.5, 0.5], [0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]])
    return DrawnStructure(["Sr", "Ti", "O", "O", "O"], places, np.eye(3) * 3.905, **more)


def operations(symbol: str) -> list[tuple[Sequence[Sequence[int]], Sequence[float]]]:
    group = gemmi.SpaceGroup(symbol).operations()
    return [([[x // 24 for x in row] for row in one.rot], [x / 24 for x in one.tran]) for one in group]


def gaussian(lattice: np.ndarray, shape: tuple[int, int, int], width: float) -> np.ndarray:
    """A periodic Gaussian of height 1 about the middle of the cell, [x, y, z]; `width` in Å is its sigma."""
    axes = [np.arange(n) / n - 0.5 for n in shape]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1) @ lattice
    return np.exp(-(places**2).sum(-1) / (2 * width**2))


@pytest.mark.parametrize("lattice", [None, np.diag([12.0, 11.0, 9.0])], ids=["molecule", "crystal"])
def test_benzene_has_twelve_bonds_and_is_whole_across_the_cell(opened: Open, lattice: np.ndarray | None):
    found = drawn(opened(structure_view([Panel("", [benzene(lattice)])], "benzene")))
    assert (len(found["atoms"]), found["bonds"], found["polyhedra"]) == (12, 12, [])


def test_rock_salt_is_drawn_with_its_faces_and_octahedra(opened: Open):
    page = opened(structure_view([Panel("", [salt()])], "salt"))
    found = drawn(page)
    # 14 sodium atoms with those repeated on faces; 13 chlorine atoms inside and 30 that complete octahedra.
    assert [one["symbol"] for one in found["atoms"]].count("Na") == 14
    assert found["polyhedra"] == [{"element": 11, "ligands": 6, "faces": 8}] * 14
    chosen(page, "style", "ball and stick")
    assert drawn(page)["polyhedra"] == []


def test_titanium_has_octahedra_in_a_perovskite_and_strontium_none(opened: Open):
    page = opened(structure_view([Panel("", [perovskite()])], "perovskite"))
    found = drawn(page)
    assert found["polyhedra"] == [{"element": 22, "ligands": 6, "faces": 8}] * 8
    # 1 Sr, 8 Ti, 12 O on the edges and the three more of each octahedron at a corner.
    assert len(found["atoms"]) == 1 + 8 + 12 + 24
    chosen(page, "atoms of", "2 × 2 × 2 cells")
    assert len(drawn(page)["polyhedra"]) == 27


def test_strontium_has_cuboctahedra_if_all_are_wanted(opened: Open):
    page = opened(structure_view([Panel("", [perovskite()])], "perovskite"))
    page.get_by_text("more", exact=True).click()
    page.get_by_role("button", name="all polyhedra").click()
    strontium = [one for one in drawn(page)["polyhedra"] if one["element"] == 38]
    assert strontium == [{"element": 38, "ligands": 12, "faces": 14}]


def test_a_complex_ion_holds_no_bond_to_its_cation(opened: Open):
    """Calcite: calcium is bonded to six oxygens, and to no carbon, whatever their radii."""
    cell = gemmi.UnitCell(4.99, 4.99, 17.06, 90, 90, 120)
    frame = DrawnStructure(
        ["Ca", "C", "O"],
        np.array([[0, 0, 0], [0, 0, 0.25], [0.257, 0, 0.25]]),
        np.array(cell.orth.mat.tolist()).T,
        operations=operations("R -3 c:H"),
    )
    found = drawn(opened(structure_view([Panel("", [frame])], "calcite")))
    calcium = [one for one in found["polyhedra"] if one["element"] == 20]
    assert calcium
    assert all((one["ligands"], one["faces"]) == (6, 8) for one in calcium)


def test_symmetry_fills_the_cell_and_completes_molecules(opened: Open):
    """Half a molecule about an inversion centre: the whole of it, then the two of the cell of P 21/c."""
    lattice = np.array(gemmi.UnitCell(7, 8, 9, 90, 105, 90).orth.mat.tolist()).T
    half = np.array([[0.695, 0, 0], [1.3, 1.0, 0.5]]) @ np.linalg.inv(lattice)
    frame = DrawnStructure(["C", "O"], half, lattice, operations=operations("P 21/c"))
    page = opened(structure_view([Panel("", [frame])], "oxalate"))
    assert (len(drawn(page)["atoms"]), drawn(page)["bonds"]) == (4, 3)
    chosen(page, "atoms of", "1 cell")
    assert (len(drawn(page)["atoms"]), drawn(page)["bonds"]) == (8, 6)
    chosen(page, "atoms of", "asymmetric unit")
    assert len(drawn(page)["atoms"]) == 2


def test_clicks_measure_what_gemmi_measures(opened: Open):
    cell = gemmi.UnitCell(4.6, 5.2, 6.1, 80, 95, 107)
    places = np.array([[0.1, 0.2, 0.3], [0.4, 0.2, 0.35], [0.4, 0.5, 0.4], [0.6, 0.6, 0.7]])
    lattice = np.array(cell.orth.mat.tolist()).T
    frame = DrawnStructure(["C", "N", "O", "S"], places, lattice, labels=["C1", "N2", "O3", "S4"])
    page = opened(structure_view([Panel("", [frame])], "four"))
    chosen(page, "atoms of", "atoms as listed")
    chosen(page, "along", "c*")
    p = [cell.orthogonalize(gemmi.Fractional(*one)) for one in places]
    clicked(page, 0)
    assert line(page) == "C1 (C): 0.1000, 0.2000, 0.3000"
    clicked(page, 1)
    assert line(page) == f"distance C1–N2: {p[0].dist(p[1]):.3f} Å"
    clicked(page, 2)
    assert line(page) == f"angle C1–N2–O3: {np.degrees(gemmi.calculate_angle(*p[:3])):.1f}°"
    clicked(page, 3)
    torsion = f"{np.degrees(gemmi.calculate_dihedral(*p)):.1f}".replace("-", "−")
    assert line(page) == f"torsion C1–N2–O3–S4: {torsion}°"
    page.get_by_role("button", name="clear").click()
    assert line(page).startswith("Click atoms")


def test_atoms_are_measured_from_the_keyboard_too(opened: Open):
    page = opened(structure_view([Panel("", [benzene()])], "benzene"))
    page.get_by_text("more", exact=True).click()
    for atom in ("C1", "C2"):
        page.locator("select[aria-label='atom to measure']").select_option(atom)
        page.get_by_role("button", name="measure it").press("Enter")
    assert line(page) == "distance C1–C2: 1.390 Å"


VOLUME = """() => {
  const m = document.querySelector('figure.view').argand.panels[0].mesh;
  if (!m) return null;
  let sum = 0;
  for (let i = 0; i < m.indices.length; i += 3) {
    const corner = k => m.positions.subarray(3 * m.indices[i + k], 3 * m.indices[i + k] + 3);
    sum += crystal.dot(corner(0), crystal.cross(corner(1), corner(2)));
  }
  return sum / 6;
}"""


@pytest.mark.parametrize("shape", [(64, 64, 64), (20, 24, 18)])
def test_a_contour_encloses_the_volume_of_its_ball(opened: Open, shape: tuple[int, int, int]):
    lattice = np.array([[6.0, 0, 0], [0.5, 6.5, 0], [-1.0, 0.3, 6.2]])
    density = Density(gaussian(lattice, shape, 0.6), level=0.3)
    frame = DrawnStructure(["O"], np.full((1, 3), 0.5), lattice, density=density)
    page = opened(structure_view([Panel("", [frame])], "ball"))
    until(page, f"({VOLUME})() !== null")
    radius = 0.6 * np.sqrt(2 * np.log(1 / 0.3))
    # Seen from outside the triangles turn left, so that the volume is positive.
    assert page.evaluate(VOLUME) == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.02)
    before = page.locator("figure.view output").inner_text()
    page.locator("figure.view input[type=range]").fill("0.9")
    until(page, f"({VOLUME})() && ({VOLUME})() < {2 * radius**3}")
    assert page.locator("figure.view output").inner_text() != before
    assert "e/Å³" in before
    assert "σ" in before


def picture(page: Any) -> np.ndarray:
    """The saved picture as pixels."""
    url = page.evaluate("document.querySelector('figure.view').argand.picture().toDataURL()")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB")).astype(int)


def test_a_picture_has_twice_the_pixels_and_the_colours_of_the_atoms(opened: Open):
    page = opened(structure_view([Panel("", [salt()])], "salt", name="rock salt"))
    chosen(page, "style", "space filling")
    pixels = picture(page)
    width = page.evaluate("document.querySelector('figure.view canvas').getBoundingClientRect().width")
    assert pixels.shape[1] == pytest.approx(2 * width, abs=2)
    greenish = (pixels[..., 1] - pixels[..., 0] > 30) & (pixels[..., 1] - pixels[..., 2] > 30)
    assert greenish.mean() > 0.02
    with page.expect_download() as download:
        page.get_by_role("button", name="PNG").click()
    assert download.value.suggested_filename == "rock salt.png"


def test_a_best_guess_is_grey_and_says_so(opened: Open):
    frame = DrawnStructure(["O"], np.zeros((1, 3)), None, trusted=False)
    page = opened(structure_view([Panel("", [frame])], "guess"))
    assert page.locator(".panel-head").inner_text() == "✗ best guess"
    chosen(page, "labels", "none")
    pixels = picture(page)[60:]
    spread = (pixels.max(-1) - pixels.min(-1)).max()
    trusted = DrawnStructure(["O"], np.zeros((1, 3)), None)
    page = opened(structure_view([Panel("", [trusted])], "known"))
    chosen(page, "labels", "none")
    coloured = picture(page)
    assert spread < 0.4 * (coloured.max(-1) - coloured.min(-1)).max()


def test_frames_follow_their_group_and_the_keys(opened: Open):
    frames = [
        DrawnStructure(["C"], np.full((1, 3), n / 9), np.eye(3) * 5, title=f"step {n}") for n in range(5)
    ]
    page = opened(structure_view([Panel("way", frames)], "film", group="way", start=-1))
    assert page.locator(".panel-head").inner_text() == "way · step 4"
    page.evaluate("argand.show('way', 2)")
    assert page.locator(".panel-head").inner_text() == "way · step 2"
    page.get_by_role("button", name="one frame on").click()
    assert page.locator(".film output").inner_text() == "4 of 5"
    page.evaluate("argand.show('way', 0)")
    page.locator("figure.view canvas").focus()
    page.keyboard.press("Space")
    until(page, f"{VIEW}.frame === 4")


def test_structures_of_a_row_are_each_drawn_as_suits_them(opened: Open):
    frames = [benzene(np.diag([12.0, 11.0, 9.0])), perovskite(), salt()]
    page = opened(structure_view([Panel("", frames)], "row", group="row"))
    assert len(drawn(page)["atoms"]) == 12
    page.evaluate("argand.show('row', 1)")
    assert len(drawn(page)["polyhedra"]) == 8
    page.evaluate("argand.show('row', 2)")
    assert len(drawn(page)["polyhedra"]) == 14


@pytest.mark.slow
def test_sixty_views_share_a_context_that_outlives_its_loss(opened: Open):
    page = opened(*(structure_view([Panel("", [salt()])], f"view {n}", height=200) for n in range(60)))
    page.evaluate("document.querySelectorAll('figure.view').forEach(argand.draw)")
    until(page, "document.querySelectorAll('figure.view[data-drawn=yes]').length === 60", 60)
    assert page.locator("canvas").count() == 60
    blank = """() => [...document.querySelectorAll('figure.view canvas')].filter(canvas => {
      const pen = argand.element('canvas').getContext('2d', {willReadFrequently: true});
      pen.drawImage(canvas, 0, 0, 300, 150);
      const {data} = pen.getImageData(0, 0, 300, 150);
      return new Set(new Uint32Array(data.buffer)).size < 50; }).length"""
    assert page.evaluate(blank) == 0
    page.evaluate("window.loss = gpu.context.getExtension('WEBGL_lose_context'); loss.loseContext()")
    until(page, "gpu.context.isContextLost()")
    page.evaluate("document.querySelectorAll('figure.view canvas').forEach(c => { c.width = c.width; })")
    assert page.evaluate(blank) == 60
    page.evaluate("loss.restoreContext()")
    until(page, f"!gpu.context.isContextLost() && ({blank})() === 0", 60)


def places(page: Any) -> np.ndarray:
    """Where the first two atoms lie on the canvas."""
    return np.array(page.evaluate(f"[0, 1].map(n => {VIEW}.spot(0, n)).map(one => [one.x, one.y])"))


def test_pointers_wheel_keys_and_fingers_move_the_camera(opened: Open):
    page = opened(structure_view([Panel("", [perovskite()])], "perovskite"), has_touch=True)
    canvas = page.locator("figure.view canvas")
    box = canvas.bounding_box()
    x, y = box["x"] + 60, box["y"] + 60
    begun = places(page)

    def drag(right: float, down: float) -> None:
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + right, y + down, steps=3)
        page.mouse.up()

    def span() -> float:
        return float(np.linalg.norm(np.subtract(*places(page))))

    drag(50, 20)
    assert np.abs(places(page) - begun).max() > 5
    turned = places(page)
    page.keyboard.down("Shift")
    drag(40, -30)
    page.keyboard.up("Shift")
    assert np.allclose(places(page) - turned, [40, -30], atol=0.01)
    before = span()
    ball = page.evaluate(f"{VIEW}.spot(0, 0).r")
    page.mouse.wheel(0, -200)
    until(page, f"{VIEW}.spot(0, 0).r > 1.2 * {ball}")
    assert span() > 1.1 * before
    page.keyboard.press("0")
    fitted = span()
    page.keyboard.press("+")
    assert span() == pytest.approx(1.15 * fitted)
    page.keyboard.press("ArrowLeft")
    assert np.abs(span() - 1.15 * fitted) > 0.01
    page.keyboard.press("0")
    fingers = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        at = [{"x": u, "y": v, "id": n} for n, (u, v) in enumerate(points)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    before = span()
    touch("touchStart", (x + 100, y + 50), (x + 140, y + 50))
    touch("touchMove", (x + 80, y + 50), (x + 160, y + 50))
    touch("touchEnd")
    page.wait_for_timeout(200)
    assert span() == pytest.approx(2 * before, rel=0.05)


def test_chosen_atoms_stay_chosen_in_another_range(opened: Open):
    page = opened(structure_view([Panel("", [perovskite()])], "perovskite"))
    chosen(page, "atoms of", "atoms as listed")
    chosen(page, "along", "c*")
    clicked(page, 0)
    clicked(page, 2)
    before = line(page)
    assert before.startswith("distance Sr1–O3")
    chosen(page, "atoms of", "2 × 2 × 2 cells")
    assert line(page) == before


def test_without_webgl_it_is_said_why_there_is_no_drawing(browser: Any, tmp_path: Path):
    file = write_document(
        tmp_path / "page.html", Document("test", "test", [structure_view([Panel("", [salt()])], "salt")])
    )
    page = browser.new_page()
    page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    page.goto(file.as_uri())
    page.locator("figure.view[data-drawn=failed]").wait_for()
    assert "no WebGL2" in page.locator(".stage").inner_text()
    page.close()


def test_a_phone_needs_no_scrolling_aside(opened: Open):
    page = opened(
        structure_view([Panel("one", [salt()]), Panel("two", [salt()])], "two"),
        viewport={"width": 390, "height": 800},
        color_scheme="dark",
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    tops = [box["y"] for box in (one.bounding_box() for one in page.locator(".panel").all())]
    assert tops[1] > tops[0]
