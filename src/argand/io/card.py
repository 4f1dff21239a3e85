"""The card of a set of weights: what they were trained on, for how long, and how accurate they are."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from argand.errors import InputError
from argand.io.atomic import write_text
from argand.io.weights import save_weights

CARD_NAME = "card.md"
"""File name of the card, in the folder of the weights."""


def save_with_card(weights: Path, state: Mapping[str, Any], header: Mapping[str, Any]) -> Path:
    """Write weights with this header and their card next to them; returns the card's path.

    Raises InputError if nothing can be written.
    """
    try:
        target = save_weights(weights, state, header)
        return write_card(target.parent, header)
    except OSError as error:
        raise InputError(f"{weights}: cannot be written ({error}); give a copy with --weights") from error


def write_card(folder: Path, header: Mapping[str, Any]) -> Path:
    """Write `card.md` into `folder`, from the weights' header only."""
    target = Path(folder) / CARD_NAME
    write_text(target, render_card(header))
    return target


def render_card(header: Mapping[str, Any]) -> str:
    """Markdown of the card: how to load and train the weights, and one section per section of the header."""
    load = header.get("load", f'argand.load("{header["system"]}")')
    lines = [
        f"# Weights of argand {header['system']}",
        "",
        f"Trained with argand {header['version']}, seed {header['seed']}.",
        "",
        f"Load with `{load}`.",
    ]
    if header.get("command"):
        lines += ["", "Train again with", "", f"    {header['command']}"]
    sections = (
        ("Training", "training"),
        ("Figures", "figures"),
        ("Limits", "limits"),
        ("Configuration", "config"),
    )
    for title, key in sections:
        if header.get(key):
            lines += ["", f"## {title}", "", *_section(header[key])]
    return "\n".join(lines) + "\n"


def _section(section: Any) -> list[str]:
    """Plain text, a bullet list, one table, or one table under a heading for each entry."""
    if isinstance(section, str):
        return [section]
    if isinstance(section, list):
        return [f"- {point}" for point in section]
    if _is_matrix(section):
        return _matrix(section)
    if not all(isinstance(entry, Mapping) for entry in section.values()):
        return _table(section)
    parts = [[f"### {str(name).capitalize()}", "", *_section(entry)] for name, entry in section.items()]
    return [line for part in parts for line in [*part, ""]][:-1]


def _is_matrix(section: Mapping[str, Any]) -> bool:
    """Whether all entries are rows of scalar values with the same keys."""
    rows = list(section.values())
    return all(
        isinstance(row, Mapping) and row.keys() == rows[0].keys() and not any(map(_is_nested, row.values()))
        for row in rows
    )


def _is_nested(value: Any) -> bool:
    return isinstance(value, Mapping | list)


def _matrix(rows: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Markdown table with a row for each entry and a column for each key."""
    columns = list(next(iter(rows.values())))
    head = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    return head + [
        f"| {name} | {' | '.join(_text(row[key]) for key in columns)} |" for name, row in rows.items()
    ]


def _table(section: Mapping[str, Any]) -> list[str]:
    """Markdown table of nested values, one row per leaf with a dotted name."""
    return ["| | |", "|---|---|", *(f"| {name} | {_text(value)} |" for name, value in _leaves(section))]


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted name and value of each leaf of nested dicts; lists are leaves unless they contain dicts."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{name}.{number}")
    else:
        yield name, value


def _text(value: Any) -> str:
    """Text of a table cell: four significant figures, `|` escaped."""
    text = "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
