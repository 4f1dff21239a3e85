"""The card beside a set of weights: what they were trained on, for how long, and how well they do."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

CARD_NAME = "card.md"


def write_card(folder: Path, header: Mapping[str, Any]) -> Path:
    """Write `card.md` into `folder` from the weights' header and nothing else."""
    target = Path(folder) / CARD_NAME
    target.write_text(render_card(header), encoding="utf-8")
    return target


def render_card(header: Mapping[str, Any]) -> str:
    """Markdown of the card: a title, how to load the weights, and one table per section of the header."""
    lines = [
        f"# Weights of argand {header['system']}",
        "",
        f"Trained with argand {header['version']}, seed {header['seed']}.",
        "",
        f'Load with `argand.load("{header["system"]}")`.',
    ]
    sections = (
        ("Training", "training"),
        ("Figures", "figures"),
        ("Limits", "limits"),
        ("Configuration", "config"),
    )
    for title, key in sections:
        if header.get(key):
            lines += ["", f"## {title}", "", *_table(header[key])]
    return "\n".join(lines) + "\n"


def _table(section: Any) -> list[str]:
    """Markdown table of nested values, one row per leaf with a dotted name; plain text stays text."""
    if isinstance(section, str):
        return [section]
    return ["| | |", "|---|---|", *(f"| {name} | {_text(value)} |" for name, value in _leaves(section))]


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted name and value of each leaf of nested dicts; lists count as leaves unless they hold dicts."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value):
            yield from _leaves(item, f"{name}.{number}")
    else:
        yield name, value


def _text(value: Any) -> str:
    """Value for a table cell: four significant figures, no bars that would split the cell."""
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
