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
    parts = schema.get("$defs", {})
    yield from _keys(schema, parts)
    for part, content in parts.items():
        if "properties" in content or _choices(content):
            yield from heading(part, "-")
            yield from (escaped(content.get("description", "")), "")
            yield from _keys(content, parts)


def _keys(schema: Schema, parts: Mapping[str, Schema]) -> Iterator[str]:
    rows = list(_rows(schema, "", parts))
    if rows:
        yield from table(("Key", "Type", "Meaning"), rows, widths="25 20 55")
    else:
        yield from (f"Type: {type_of(schema)}.", "")


def _rows(schema: Schema, before: str, parts: Mapping[str, Schema]) -> Iterator[tuple[str, str, str]]:
    required = set(schema.get("required", ()))
    for key, given in schema.get("properties", {}).items():
        content = _resolved(given, parts)
        always = "" if key in required or before else " Not always there."
        yield f"``{before}{key}``", type_of(content), escaped(_meaning(content) + always)
        yield from _rows(content, f"{before}{key}.", parts)
        items = content.get("items")
        if isinstance(items, Mapping):
            yield from _rows(items, f"{before}{key}[].", parts)
    for choice in _choices(schema):
        yield from _rows(choice, before, parts)


def _choices(schema: Schema) -> list[Schema]:
    return [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]


def _resolved(schema: Schema, parts: Mapping[str, Schema]) -> Schema:
    """A value in place of the reference to it; a part with keys has a table of its own and is left."""
    part = parts.get(schema.get("$ref", "").rpartition("/")[2], {})
    if "$ref" not in schema or "properties" in part or _choices(part):
        return schema
    return {**part, **{key: value for key, value in schema.items() if key != "$ref"}}


def type_of(schema: Schema) -> str:
    """Type of a value in words, such as "array of number" or "string or null"."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "const" in schema:
        return f"``{json.dumps(schema['const'])}``"
    choices = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if choices:
        return " or ".join(dict.fromkeys(type_of(choice) for choice in choices))
    kinds = schema.get("type", "string" if "enum" in schema else "any")
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
