"""What a page makes of names: text is text, a link leads to a file beside it, JSON ends no script."""

import html
import json
import re
from html.parser import HTMLParser
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from argand.errors import InputError
from argand.page.markup import address, link, policy, script_json, text

NAMES = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=()), min_size=1, max_size=40)


class Reader(HTMLParser):
    """The links and texts of some HTML."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.texts: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.links += [value for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@given(NAMES.filter(lambda name: name not in (".", "..")))
@example("javascript:alert(1).cbf")
@example("//host")
@example("\\\\host\\share")
@example("data:text/html,x")
@example("%2e%2e")
@example("a#b?c&d=e.png")
@example("byte\udcff.png")
def test_a_link_leads_to_the_file_of_its_name_beside_the_page(name: str):
    (found,) = Reader(link(name)).links
    whole = urlsplit(urljoin("file:///run/index.html", found))
    assert (whole.scheme, whole.netloc, whole.query, whole.fragment) == ("file", "", "", "")
    assert re.fullmatch(r"[\w.~%-]+", found, re.ASCII)
    folder, _, file = whole.path.rpartition("/")
    assert folder == "/run"
    bytes_only = re.sub("[\ud800-\udc7f\udd00-\udfff]", "\ufffd", name)
    assert unquote_to_bytes(file) == bytes_only.encode(errors="surrogateescape")


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_what_is_no_name_of_a_file_has_no_address(name: str):
    with pytest.raises(InputError, match="is not a file name"):
        address(name)


@given(st.text(st.characters(blacklist_categories=())))
@example("</script><script>alert(1)</script>")
@example("'\"><img src=x onerror=alert(1)>")
def test_text_is_read_back_as_it_was_and_is_in_utf8(value: str):
    made = text(value)
    assert not set(made) & set("<>\"'")
    assert html.unescape(made) == html.unescape(html.escape(re.sub("[\ud800-\udfff]", "\ufffd", value)))
    made.encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
@example("</script><!--<script>\u2028\u2029")
def test_json_ends_no_script_and_says_the_same(value: object):
    made = script_json(value)
    assert made.isascii()
    assert not set(made) & set("<>&\n\r")
    assert json.loads(made) == value


def test_what_is_not_finite_is_null_in_json():
    assert script_json({"a": [float("nan"), (float("inf"), 1.5)]}) == '{"a":[null,[null,1.5]]}'


def test_a_page_without_scripts_runs_nothing():
    assert "script-src 'none'" in policy([])
    assert "default-src 'none'" in policy([])
