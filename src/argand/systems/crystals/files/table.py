"""Tables of what was read back from latents."""

from typing import Any

from rich.table import Table

MOST = 40
"""Structures listed; the least certain ones of a larger run. By hand, a screen of them."""


def summary_table(summary: dict[str, Any]) -> Table:
    """One row for each structure, the least certain first where there are many."""
    records = summary["structures"]
    shown = records
    if len(records) > MOST:
        shown = sorted(records, key=lambda record: record["confidence"])[:MOST]
    title = f"{len(records)} structures" + (f", the {MOST} least certain" if len(records) > MOST else "")
    table = Table(title=title, title_justify="left", box=None, header_style="dim", padding=(0, 1, 0, 0))
    for heading in ("file", "formula"):
        table.add_column(heading)
    for heading in ("atoms", "latent", "confidence", "misfit", "s"):
        table.add_column(heading, justify="right")
    for record in shown:
        table.add_row(
            record["file"],
            record["formula"],
            str(record["atoms"]),
            str(record["latent_size"]),
            f"{record['confidence']:.3f}",
            f"{record['misfit']:.2g}",
            f"{record['seconds']:.2f}",
        )
    return table


def record_table(records: list[dict[str, Any]], title: str) -> Table:
    """A table with the keys of the records as its columns."""
    table = Table(title=title, title_justify="left", box=None, header_style="dim", padding=(0, 1, 0, 0))
    for key in records[0] if records else ("nothing found",):
        table.add_column(key.replace("_", " "))
    for record in records:
        table.add_row(*(f"{v:.3g}" if isinstance(v, float) else str(v) for v in record.values()))
    return table


def evaluation_table(result: dict[str, Any]) -> Table:
    """Atoms found and named, a row for each way that structures were seen."""
    shown = {
        "what": "what",
        "structures": "structures",
        "atoms": "atoms",
        "recall": "found",
        "precision": "true",
        "species_of_found": "species right",
        "all_right": "all right",
    }
    title = f"{result['model']}, {result['count']} structures, seed {result['seed']}"
    table = Table(title=title, title_justify="left", box=None, header_style="dim", padding=(0, 2, 0, 0))
    for key, heading in shown.items():
        table.add_column(heading, justify="left" if key == "what" else "right")
    for row in result["rows"]:
        table.add_row(*(f"{row[k]:.4g}" if isinstance(row[k], float) else str(row[k]) for k in shown))
    return table


def judgement_table(summary: dict[str, Any]) -> Table:
    """What share of samples is valid, near the hull, unique and new: a row for each figure."""
    known = f"{summary['known']} holds"
    if summary["known"] == "the index":
        known += " (cells of up to 20 atoms, none of a benchmark; --known POOL asks all)"
    title = f"{summary['count']} structures; known is what {known}, energies are CHGNet's"
    table = Table(title=title, title_justify="left", box=None, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("what")
    table.add_column("", justify="right")
    labels = {
        "valid_loose": "atoms farther than 0.5 Å",
        "valid_strict": "and than 0.7 of their covalent radii",
        "composition_valid": "charges balance (smact)",
        "converged": "relaxed within the bounds",
        "median_rmsd": "median way of atoms, Å",
        "median_energy_lost": "median energy lost, eV/atom",
        "median_above_hull": "median above the hull, eV/atom (lower bound)",
        "without_reference": "without a phase of some element",
        "unique": "unique",
        "new": "new",
        "new_framework": "in a framework that no known structure has",
        "stable_0": "on or below the hull",
        "stable_0.1": "within 0.1 eV/atom of it",
        "sun_0": "stable at 0, unique and new",
        "sun_0.1": "stable at 0.1, unique and new",
        "sun_0.1_new_framework": "and in a framework that no known structure has",
    }
    for key, label in labels.items():
        table.add_row(label, _judgement(key, summary.get(key)))
    return table


def _judgement(key: str, value: float | None) -> str:
    """A share in %, a median or a count."""
    if value is None:
        return "not asked"
    if isinstance(value, int):
        return str(value)
    return f"{value:.3f}" if key.startswith("median") else f"{100 * value:.1f} %"
