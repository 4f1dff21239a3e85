"""What the cards of the networks that draw crystals have in common."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from argand.io.card import save_with_card
from argand.progress import duration

Tables = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows of figures by title; the first entry of a row is its name."""


def save_with_tables(
    weights: Path,
    state: Mapping[str, Any],
    header: Mapping[str, Any],
    figures: Tables,
    preset: str,
    about: Mapping[str, Any],
) -> Path:
    """Save weights with tables of figures in their header, and their card, which is given.

    `about` are further entries of the header; the command is that which trains the preset.
    """
    tables = {title: dict(_named(row) for row in rows) for title, rows in figures.items()}
    spent = duration(header["training"]["max_seconds"])
    options = f"--structures mp_pool.parquet --out runs/{preset} --max-time {spent}"
    told = {"figures": header.get("figures", {}) | tables, **about}
    return save_with_card(
        weights, dict(state), {**header, **told, "command": f"argand crystals train {preset} {options}"}
    )


def _named(row: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    values = list(row.items())
    return str(values[0][1]), dict(values[1:])
