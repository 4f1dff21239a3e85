"""Whatever files are called, their names are text on the pages of all systems, and run nothing there."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest
import run_folders
from chromium import Chromium, chromium

from argand.systems.crystals.view import write_page as write_crystals
from argand.systems.geometry.drift.page import write_drift
from argand.systems.geometry.drift.series import drift_of, read_sources
from argand.systems.geometry.view import write_page as write_geometry
from argand.systems.molmnist.view import write_page as write_fibrils
from argand.systems.patterson.view import write_page as write_patterson

NAMES = (
    "javascript:pwned=1.cbf",
    "{{rows}}{{title}}$views%(x)s{0}",
    '"><img src=x onerror=pwned=1>',
    "'`${pwned=1}`' onmouseover='pwned=1",
    "<a href='javascript:pwned=1'><b>x&lt;b&gt;",
    "a\u2028b\u2029c",
    "new\nline",
    # "bytes\udcff\udcfe",
    "%2e%2e",
    "a#b?c=d&e",
    "-->]]><!--<script>",
    "long" * 40,
    "\\\\host\\share",
)
"""As files can be called."""
PATHS = (
    "</script><script>pwned=1</script>",
    "<!--<script>/</title></style>pwned",
    "//host/javascript:pwned=1",
)
"""As files can lie in folders that are called by someone else."""


class Page(HTMLParser):
    """What a browser sees before any script ran: elements with their attributes, and the scripts' text."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.source = page.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] == "script" and data.strip():
            self.scripts.append(data)


def made(folder: Path) -> dict[str, Path]:
    """Folders of runs of all systems with hostile names, by the page that each makes."""
    paths = [*PATHS, *NAMES]
    cifs = folder / "cifs"
    run_folders.crystal_run(folder / "crystals", cifs, NAMES)
    first, second = (cifs / f"{NAMES[number]}.cif" for number in (2, 4))
    return {
        "geometry": run_folders.geometry_run(folder / "geometry", paths),
        "fibrils": run_folders.fibril_run(folder / "fibrils", [paths[0], *NAMES]),
        "maps": run_folders.map_run(folder / "maps", [f"{name}.npy" for name in paths], 4),
        "solved": run_folders.solved_run(folder / "solved", ["".join(NAMES[:5])]),
        "crystals": folder / "crystals",
        "way": run_folders.way_run(folder / "way", first, second),
    }


def image_page(folder: Path) -> Path:
    """The page of the first image of a run of geometry, whose pixels are drawn."""
    record = json.loads((folder / "results.jsonl").read_text().splitlines()[0])
    return folder / f"{record['name']}.page.html"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """All pages; each lies in the folder of its run."""
    folder = tmp_path_factory.mktemp("hostile")
    runs = made(folder)
    drift = drift_of(read_sources([runs["geometry"]]))
    return {
        "geometry": write_geometry(runs["geometry"]),
        "image": image_page(runs["geometry"]),
        "drift": write_drift(folder / "drift.html", drift),
        "fibrils": write_fibrils(runs["fibrils"]),
        "maps": write_patterson(runs["maps"]),
        "solved": write_patterson(runs["solved"]),
        "crystals": write_crystals(runs["crystals"], among=[str(folder / "cifs")]),
        "way": write_crystals(runs["way"]),
    }


PAGES = ("geometry", "image", "drift", "fibrils", "maps", "solved", "crystals", "way")
DRAWN = {"geometry": 1, "image": 2, "drift": 1, "crystals": 5, "way": 4, "maps": 9, "solved": 4}
"""Scripts of pages that draw nothing with plotly: the values of each view, and one of the page. Others have
four: values, plotly, their own, what starts them."""


@pytest.mark.parametrize("name", PAGES)
def test_names_make_no_element_no_attribute_and_no_script(pages: dict[str, Path], name: str):
    page = Page(pages[name])
    scripts = [attributes for tag, attributes in page.elements if tag == "script"]
    assert len(scripts) == DRAWN.get(name, 4)
    for tag, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on")], tag
        if tag in ("img", "iframe", "embed", "object", "base", "link", "form"):
            assert tag == "img"
            assert (attributes["src"] or "").startswith("data:image/")
    policies = [a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1
    assert "default-src 'none'" in (policies[0] or "")
    # Comments of the page's own script are not what it says.
    assert "left out" not in re.sub(r"<script>.*?</script>", "", page.source, flags=re.DOTALL)


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_to_files_beside_the_page(pages: dict[str, Path], name: str):
    page = Page(pages[name])
    links = [attributes["href"] or "" for tag, attributes in page.elements if tag == "a"]
    if name not in DRAWN:
        data = json.loads(page.scripts[0])
        links += [link for view in data if view for _, link in view["files"]] if name == "fibrils" else []
    assert links or name in ("drift", "way")
    for link in links:
        if link.startswith("#"):
            assert re.fullmatch(r"#(answer-|map-)?\d+", link)
        else:
            assert re.fullmatch(r"[\w.~%-]+", link, re.ASCII)
            file = unquote_to_bytes(link).decode(errors="surrogateescape")
            assert (pages[name].parent / file).is_file(), link


def test_every_name_is_shown_as_it_is(pages: dict[str, Path]):
    from html import escape

    source = pages["geometry"].read_text(encoding="utf-8")
    for name in NAMES:
        assert escape(name.replace("\udcff", "\ufffd").replace("\udcfe", "\ufffd")) in source


ROWS = len(NAMES) + 1
READY = {
    "geometry": f"document.querySelector('tbody').rows.length === {len(NAMES) + len(PATHS) + 1}"
    " && document.querySelector('th[aria-sort]')",
    "image": "(document.querySelector('figure.view')?.scrollIntoView(),"
    " document.querySelector('[data-drawn=yes]'))",
    "drift": "document.querySelectorAll('svg').length === 2 && document.querySelector('.theme')",
    "fibrils": f"document.querySelectorAll('tbody tr').length === {ROWS + 1}"
    " && document.querySelectorAll('.panel .main-svg').length >= 10",
    "maps": "document.querySelectorAll('#map-0, #map-1, #map-2, #map-3').length === 4"
    " && (document.querySelector('#map-3').scrollIntoView(),"
    " document.querySelector('#map-3 [data-drawn=yes]'))",
    "solved": "document.querySelectorAll('tr[data-group=peaks-1]').length === 30"
    " && (document.querySelector('[data-view=structure]').scrollIntoView(),"
    " document.querySelector('[data-view=structure][data-drawn=yes]'))",
    "crystals": f"document.querySelectorAll('tr[data-group]').length === {len(NAMES)}"
    " && (document.querySelector('[data-view=item]').scrollIntoView(),"
    " document.querySelector('[data-view=item] .verdict'))",
    "way": "document.querySelectorAll('tr[data-group]').length === 4"
    " && (document.querySelector('[data-view=plot]').scrollIntoView(),"
    " document.querySelector('[data-view=plot][data-drawn=yes]'))",
}
"""What is true of each page where its own scripts ran."""
LINKS = """[...document.querySelectorAll('*')].flatMap(one => [...one.attributes]
  .filter(({name}) => /^(on|href|xlink:href|src|action)/.test(name)).map(({name, value}) => [name, value]))"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """One Chromium for all pages."""
    with chromium(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_browser_runs_the_page_and_nothing_else(pages: dict[str, Path], browser: Chromium, name: str):
    browser.complaints.clear()
    session = browser.open(pages[name])
    browser.wait_for(session, READY[name])
    assert browser.run(session, "typeof pwned") == "undefined"
    assert browser.complaints == []
    assert "WebGL" not in browser.run(session, "document.body.innerText")
    for attribute, value in browser.run(session, LINKS):
        assert not attribute.startswith("on"), value
        allowed = r"(#.*|data:image/.*|[\w.~%-]+)"
        if attribute == "src":
            allowed = r"(data:image/.*|argand-page\.js|[\w.~%-]+\.image\.js)"
        assert re.fullmatch(allowed, value, re.ASCII), (attribute, value)
    browser.close(session)


@pytest.mark.slow
def test_what_is_said_of_a_structure_is_its_name_as_it_is(pages: dict[str, Path], browser: Chromium):
    session = browser.open(pages["crystals"])
    browser.wait_for(session, READY["crystals"])
    titles = []
    for number in range(len(NAMES)):
        browser.run(session, f"argand.show('structures', {number})")
        titles.append(browser.run(session, "document.querySelector('[data-view=item] h3').textContent"))
    assert {title.replace("_", "\n") if "line" in title else title for title in titles} == set(NAMES)
    assert (
        browser.run(session, "document.querySelectorAll('[data-view=item] :is(a, img, script)').length") <= 1
    )
    browser.close(session)


@pytest.mark.slow
def test_a_script_that_is_none_of_the_pages_does_not_run(
    pages: dict[str, Path], browser: Chromium, tmp_path: Path
):
    source = pages["drift"].read_text(encoding="utf-8")
    broken = tmp_path / "broken.html"
    extra = "<script>pwned=1</script><img src=x onerror=pwned=2>"
    broken.write_text(source.replace("</main>", f"{extra}</main>"), encoding="utf-8")
    browser.complaints.clear()
    session = browser.open(broken)
    browser.wait_for(session, READY["drift"])
    assert browser.run(session, "typeof pwned") == "undefined"
    assert sum("Content Security Policy" in one for one in browser.complaints) >= 2
    browser.close(session)
