"""Pages of the JSON that argand prints and writes, from the JSON Schemas in docs/schema."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from generated_page import escaped, heading, table, write

Schema = Mapping[str, Any]


def setup(app: Any) -> dict[str, bool]:
    """Write the pages before Sphinx looks for sources."""
    app.connect("builder-inited", lambda app: write_pages(Path(app.srcdir)))
    return {"parallel_read_safe": True}


def write_pages(docs: Path) -> None:
    """Write a page for each schema, and remove the pages of schemas that are gone."""
    schemas = {path.stem: path for path in sorted((docs / "schema").glob("*.json"))}
    folder = docs / "reference/schema"
    for page in folder.glob("*.rst"):
        if page.stem not in schemas:
            page.unlink()
    for name, path in schemas.items():
        write(folder / f"{name}.rst", page_of(name, json.loads(path.read_text(encoding="utf-8"))))


def page_of(name: str, schema: Schema) -> Iterator[str]:
    """The page of one schema: its keys, then those of its parts."""
    yield from heading(schema.get("title", name), "=")
    yield from (escaped(schema.get("description", "")), "")
    yield from (f"As JSON Schema: :download:`{name}.json </schema/{name}.json>`.", "")
    yield from _keys(schema)
    for part, content in schema.get("$defs", {}).items():
        yield from heading(part, "-")
        yield from (escaped(content.get("description", "")), "")
        yield from _keys(content)


def _keys(schema: Schema) -> Iterator[str]:
    rows = list(_rows(schema, ""))
    if rows:
        yield from table(("Key", "Type", "Meaning"), rows, widths="25 20 55")


def _rows(schema: Schema, before: str) -> Iterator[tuple[str, str, str]]:
    required = set(schema.get("required", ()))
    for key, content in schema.get("properties", {}).items():
        always = "" if key in required or before else " Not always there."
        yield f"``{before}{key}``", type_of(content), escaped(_meaning(content) + always)
        yield from _rows(content, f"{before}{key}.")
        items = content.get("items")
        if isinstance(items, Mapping):
            yield from _rows(items, f"{before}{key}[].")
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from _rows(choice, before)


def type_of(schema: Schema) -> str:
    """Type of a value in words, such as "array of number" or "string or null"."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "const" in schema:
        return f"``{json.dumps(schema['const'])}``"
    choices = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if choices:
        return " or ".join(dict.fromkeys(type_of(choice) for choice in choices))
    kinds = schema.get("type", "any")
    items = schema.get("items")
    words = [kinds] if isinstance(kinds, str) else list(kinds)
    if isinstance(items, Mapping):
        words = [f"array of {type_of(items)}" if word == "array" else word for word in words]
    return " or ".join(words)


def _meaning(schema: Schema) -> str:
    meaning = schema.get("description", "")
    if "enum" in schema:
        meaning += " One of " + ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"]) + "."
    return meaning.strip()
