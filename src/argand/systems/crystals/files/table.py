"""Tables of what was decoded, found and evaluated, on the screen and as CSV."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from argand.runs.table import best_guess, plain_table

MOST = 40
"""Structures listed; of a longer run those of least confidence. By hand, a screen of them."""
_SHOWN = {
    "file": "file",
    "formula": "formula",
    "atoms": "atoms",
    "share": "fraction",
    "latent_size": "vector",
    "confidence": "confidence",
    "misfit": "misfit",
    "shortest_distance": "shortest distance, Å",
    "seconds": "s",
    "trusted": "trusted",
}
"""Keys of records that a table of structures has where they are there, and their headings."""


def structure_table(records: Sequence[dict[str, Any]], title: str) -> Table:
    """One row for each structure, the least confident first where there are many; best guesses are dim."""
    shown = list(records)
    if len(shown) > MOST:
        title = f"{len(shown)} {title}, the {MOST} of least confidence"
        shown = sorted(shown, key=lambda record: record["confidence"])[:MOST]
    keys = [key for key in _SHOWN if any(key in record for record in shown)]
    table = plain_table(*(_SHOWN[key] for key in keys), title=title)
    for record in shown:
        table.add_row(*(_cell(record, key) for key in keys))
    return table


def record_table(records: Sequence[dict[str, Any]], title: str) -> Table:
    """A table with the keys of the records as its columns; best guesses are dim."""
    keys = [key for key in (records[0] if records else ()) if key != "schema_version"]
    table = Table(title=title, title_justify="left", box=None, header_style="dim", padding=(0, 1, 0, 0))
    for key in keys or ["nothing found"]:
        table.add_column(_SHOWN.get(key, key.replace("_", " ")))
    for record in records:
        table.add_row(*(_cell(record, key) for key in keys))
    return table


def _cell(record: dict[str, Any], key: str) -> Text:
    """A value as the table shows it: dim where the record is not to be trusted."""
    value = record.get(key)
    if key == "trusted":
        return Text("yes") if value else best_guess("best guess")
    if isinstance(value, float):
        value = f"{value:.3f}" if key == "confidence" else f"{value:.3g}"
    text = "" if value is None else str(value)
    is_name = key in ("file", "name", "source")
    return Text(text) if record.get("trusted", True) or is_name else best_guess(text)


def csv_text(records: Sequence[dict[str, Any]]) -> str:
    """The records as CSV with a heading; lists and nested values are left out."""
    plain = [
        {key: value for key, value in record.items() if not isinstance(value, list | dict)}
        for record in records
    ]
    keys = list(dict.fromkeys(key for record in plain for key in record))
    written = io.StringIO()
    writer = csv.DictWriter(written, keys, lineterminator="\n")
    writer.writeheader()
    writer.writerows(plain)
    return written.getvalue()


def evaluation_table(result: dict[str, Any]) -> Table:
    """Atoms found and named, a row for each view of the structures."""
    shown = {
        "what": "view",
        "structures": "structures",
        "atoms": "atoms",
        "recall": "atoms found",
        "precision": "precision",
        "species_of_found": "elements right",
        "all_right": "all right",
    }
    title = f"{result['model']}, {result['count']} structures, random seed {result['seed']}"
    table = plain_table(*shown.values(), title=title)
    for row in result["rows"]:
        table.add_row(*(f"{row[k]:.4g}" if isinstance(row[k], float) else str(row[k]) for k in shown))
    return table


def samples_table(summary: dict[str, Any]) -> Table:
    """What fraction of samples is valid, near the hull, unique and new: a row for each figure."""
    known = f"known: structures of {summary['known']}"
    if summary["known"] == "the index":
        known += " (cells of up to 20 atoms, no benchmarks; --known POOL compares with all)"
    table = plain_table("figure", "", title=f"{summary['count']} structures; {known}; energies: CHGNet")
    labels = {
        "valid_loose": "atoms more than 0.5 Å apart",
        "valid_strict": "atoms more than 0.7 of their covalent radii apart",
        "composition_valid": "charges balance (smact)",
        "converged": "relaxation converged",
        "median_rmsd": "median displacement of atoms, Å",
        "median_energy_lost": "median energy released, eV/atom",
        "median_above_hull": "median energy above the hull, eV/atom (lower bound)",
        "without_reference": "no reference phase of some element",
        "unique": "unique",
        "new": "new",
        "new_framework": "framework not known before",
        "stable_0": "on or below the hull",
        "stable_0.1": "within 0.1 eV/atom of the hull",
        "sun_0": "stable (0 eV/atom), unique and new",
        "sun_0.1": "stable (0.1 eV/atom), unique and new",
        "sun_0.1_new_framework": "stable (0.1 eV/atom), unique, new, and in a new framework",
    }
    for key, label in labels.items():
        table.add_row(label, _figure(key, summary.get(key)))
    return table


def _figure(key: str, value: float | None) -> str:
    """A fraction in %, a median or a count."""
    if value is None:
        return "not measured"
    if isinstance(value, int):
        return str(value)
    return f"{value:.3f}" if key.startswith("median") else f"{100 * value:.1f} %"
