"""The page of crystals: structures beside those decoded from their vectors, paths between two, and a map."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import gemmi
import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from argand.errors import InputError
from argand.io.limits import require_file
from argand.io.resource import system_data
from argand.io.structure import expand, is_structure_file, read_many, read_structure, usable
from argand.page.markup import address, text
from argand.page.shell import PAGE, STYLE, Drawing, left_out, write_html
from argand.physics.crystal.structure import Structure, parameters
from argand.runs.fields import (
    COUNT,
    FIGURE,
    FLAG,
    NUMBER,
    PLAIN,
    TEXT,
    Fields,
    fault,
    file_of,
    listed,
    maybe,
    read_json,
    record_of,
    usable_records,
)
from argand.runs.record import SUMMARY, Record
from argand.systems.crystals.database.families import families_of, principal_plane
from argand.systems.crystals.database.fingerprint import fingerprint, measured
from argand.systems.crystals.latent.decoded import TRUSTED

MOST_PAIRS, MOST_MAPPED, LEAST_MAPPED = 60, 1500, 12
"""Structures that are drawn, and on the map; fewer than the last make no map. By hand, for the size of the
page."""
MOST_ATOMS = 200
"""Of a structure on the map that can be shown; larger ones would make the page heavy. By hand."""
_LEADING, _LEADING_WEIGHT = 5, 4.0
"""Columns of species and density in a fingerprint, and their weight on the map beside 48 of |F|². Weight by
hand."""
_SUMMARY: Fields = {
    "structures": listed(record_of({})),
    "skipped": maybe(listed(record_of({"reason": TEXT}))),
    **dict.fromkeys(("first", "second"), maybe(TEXT)),
}
_FIELDS: Fields = {
    **dict.fromkeys(("file", "formula"), TEXT),
    **dict.fromkeys(("name", "source"), maybe(TEXT)),
    "entry": maybe(COUNT),
    "confidence": NUMBER,
    "trusted": maybe(FLAG),
    "reason": maybe(TEXT),
    "misfit": FIGURE,
    "latent_size": maybe(PLAIN),
    "largest_place_error": maybe(FIGURE),
    "species_probability": maybe(listed(FIGURE)),
}
"""What is read of the record of a structure; of a step of an interpolation, these too:"""
_STEP: Fields = {"share": NUMBER, "shortest_distance": FIGURE}

_STYLE = (
    STYLE
    + """
td,th{padding:.15em .9em}section{margin-bottom:2.5em}.side{display:flex;gap:1em}.side>div{flex:1;min-width:0}
details{margin-top:.5em}select,button{font:inherit}select{max-width:100%}
input[type=range]{width:18em;vertical-align:middle}"""
)

_BODY = """<section id="pairs"><p><select id="pair"></select>
&nbsp; surface at <input id="level" type="range" min="0.05" max="0.9" step="0.05" value="0.25"> of the
highest</p>
<div id="pair-view"></div><div id="pair-facts"></div>
<details><summary>Atoms</summary><table id="pair-atoms"></table></details></section>
<section id="path"><h2>Interpolation</h2><p><button id="play">play</button>
<input id="step" type="range" min="0" step="1"> <span id="step-facts"></span></p>
<div id="path-view"></div></section>
<section id="map"><h2>Map of structures</h2><p>Coloured by <select id="family"></select>; a click shows the
structure. Neighbours are similar in species, density and |F|² (principal components of a fingerprint that
does not depend on the choice of the cell).</p>
<div class="side"><div id="map-view"></div><div id="map-structure"></div></div></section>"""

_FOOT = "Surface: Gaussians of 0.55 Å and weight √Z. Best guess: the structure does not explain its vector."


def write_page(folder: Path, page: Path | None = None, among: Sequence[str] = ()) -> Path:
    """Write the page of what reconstruct, decode, interpolate or alter wrote to `folder`.

    The map is of the structures of `among`, or else of those that were rebuilt. InputError without a run.
    """
    summary = _summary(folder)
    is_path = bool(summary.get("first"))
    fields = _FIELDS | _STEP if is_path else _FIELDS
    records, told = usable_records(summary["structures"], lambda record: fields, folder / SUMMARY)
    decoded, lost = _decoded(folder, records)
    told += lost
    records = [record for record in records if record["file"] in decoded]
    chosen = [] if is_path else _least_certain(records)
    page = page or folder / PAGE
    beside = page.resolve().parent == folder.resolve()
    drawn = [
        _pair(record, decoded[record["file"]], given, beside)
        for record, given in zip(chosen, _given(chosen), strict=True)
    ]
    mapped = _among(among) if among else [] if is_path else _rebuilt(records, decoded)
    steps = [_step(record, decoded[record["file"]]) for record in records] if is_path else []
    data = {"pairs": drawn, "path": steps, "map": _map(mapped)}
    shown = [*(p["decoded"] for p in drawn), *(p["input"] for p in drawn if p["input"]), *steps]
    shown += data["map"]["structures"]
    numbers = sorted({atom[0] for one in shown for atom in one["atoms"]})
    data["elements"] = {number: _element(number) for number in numbers}
    told += [f"skipped: {one['reason']}" for one in summary.get("skipped") or []]
    title = _title(summary, len(records))
    code = system_data("crystals", "page.js").read_text(encoding="utf-8")
    parts = [f"<h1>{text(title)}</h1>", *left_out(told), _BODY]
    return write_html(page, title, parts, _FOOT, _STYLE, Drawing(data, code))


def _summary(folder: Path) -> Record:
    """What the run tells; InputError where there is none, or it is damaged."""
    path = folder / SUMMARY
    if not path.exists():
        raise InputError(f"{folder}: no results; give a folder that reconstruct or interpolate wrote")
    summary = read_json(path)
    wrong = fault(summary, _SUMMARY)
    if wrong is not None:
        raise InputError(f"{path}: not a summary of structures ({wrong}); repeat the run with --force")
    return summary


def _decoded(folder: Path, records: list[Record]) -> tuple[dict[str, Structure], list[str]]:
    """The structures that were decoded, by their file, and a line on each that is gone or damaged."""
    found: dict[str, Structure] = {}
    lost = []
    for record in records:
        try:
            found[record["file"]] = read_structure(file_of(folder, record["file"]))
        except InputError as error:
            lost.append(f"left out: {error}")
    return found, lost


def _title(summary: Record, count: int) -> str:
    if summary.get("first"):
        ends = [Path(summary.get(key) or "").stem for key in ("first", "second")]
        return f"From {ends[0]} to {ends[1]}, {count} steps"
    return f"{count} structures decoded from their vectors"


def _least_certain(records: list[Record]) -> list[Record]:
    return records if len(records) <= MOST_PAIRS else sorted(records, key=_confidence)[:MOST_PAIRS]


def _confidence(record: Record) -> float:
    return record["confidence"]


def _pair(record: Record, decoded: Structure, given: Structure | None, beside: bool) -> Record:
    """A decoded structure, with what was encoded where that can still be read.

    Its file has an address where it lies beside the page.
    """
    moved = _moved(given, decoded) if given else None
    source = Path(record["source"]).name if record.get("source") else None
    return {
        "name": record.get("name") or Path(record["file"]).stem,
        "formula": record["formula"],
        "confidence": record["confidence"],
        "trusted": _is_trusted(record),
        "latent_size": record.get("latent_size"),
        "input": _drawn(given) if given else None,
        "decoded": _drawn(decoded),
        "facts": _facts(record, moved),
        "source": source,
        "file": record["file"],
        "address": address(record["file"]) if beside else None,
        "rows": _rows(record, decoded, moved),
    }


def _given(records: list[Record]) -> list[Structure | None]:
    """The structures that were encoded; None for latents and files that are gone. Each file is read once."""
    found: dict[tuple[str, int], Structure] = {}
    wanted = [(record.get("source") or "", record.get("entry")) for record in records]
    for source in {source for source, entry in wanted if entry is not None and _is_there(source)}:
        entries = {entry for other, entry in wanted if other == source and entry is not None}
        for entry, (_, one) in enumerate(islice(read_many(Path(source)), max(entries) + 1)):
            if entry in entries and isinstance(one, Structure):
                found[source, entry] = one
    return [found.get((source, entry)) if entry is not None else None for source, entry in wanted]


def _is_there(source: str) -> bool:
    """Whether the file of structures that a record names is still there."""
    try:
        return is_structure_file(Path(source)) and require_file(source) > 0
    except InputError:
        return False


def _moved(given: Structure, decoded: Structure) -> Float[np.ndarray, " atom"] | None:
    """Å of each decoded atom from the input's atom that it stands for; None for another count of atoms."""
    if len(given) != len(decoded):
        return None
    apart = decoded.frac_coords[:, None] - given.frac_coords[None]
    apart -= np.round(apart)
    distance = np.linalg.norm(apart @ given.lattice, axis=-1)
    rows, columns = linear_sum_assignment(distance)
    return distance[rows, columns]


def _facts(record: Record, moved: np.ndarray | None) -> str:
    figures = f"confidence {record['confidence']:.4f}, misfit {record['misfit']:.2g}"
    verdict = "trusted" if _is_trusted(record) else "not trusted, a best guess"
    told = [f"{verdict}: {record.get('reason') or figures}"]
    if record.get("largest_place_error") is not None:
        told.append(f"uncertainty of positions at most {record['largest_place_error']:.2g} Å")
    if moved is not None:
        told.append(f"largest displacement of an atom {moved.max():.2g} Å")
    return "; ".join(told) + "."


def _rows(record: Record, decoded: Structure, moved: np.ndarray | None) -> list[list[str]]:
    chances = record.get("species_probability") or []
    rows = []
    for number, (symbol, place) in enumerate(zip(decoded.symbols, decoded.frac_coords, strict=True)):
        chance = f"{chances[number]:.3f}" if len(chances) == len(decoded) else ""
        shift = f"{moved[number]:.4f}" if moved is not None else ""
        rows.append([f"{symbol}{number + 1}", *(f"{x:.4f}" for x in place), chance, shift])
    return rows


def _step(record: Record, structure: Structure) -> Record:
    told = f"{100 * record['share']:.0f} % of the path: confidence {record['confidence']:.2f}, "
    told += f"shortest distance {record['shortest_distance']:.2f} Å"
    about = {"title": record["formula"], "facts": told, "trusted": _is_trusted(record)}
    return {**_drawn(structure), **about}


def _is_trusted(record: Record) -> bool:
    """Whether a structure explains its vector; runs of older versions tell the confidence alone."""
    trusted = record.get("trusted")
    return record["confidence"] >= TRUSTED if trusted is None else trusted


def _drawn(structure: Structure) -> Record:
    """Lattice in the setting of CIFs, and rows of atomic number and place."""
    a, b, c, *angles = parameters(structure.lattice)
    cell = gemmi.UnitCell(a, b, c, *np.degrees(angles))
    lattice = np.array(cell.orth.mat.tolist()).T.round(4).tolist()
    places = structure.frac_coords.round(5).tolist()
    species = structure.species.tolist()
    return {"lattice": lattice, "atoms": [[z, *place] for z, place in zip(species, places, strict=True)]}


def _element(number: int) -> tuple[str, str, float]:
    """Symbol, Jmol's colour and covalent radius in Å."""
    from ase.data.colors import jmol_colors

    element = gemmi.Element(number)
    colour = "#" + "".join(f"{round(255 * part):02x}" for part in jmol_colors[number])
    return element.name, colour, round(element.covalent_r, 2)


def _rebuilt(records: list[Record], decoded: dict[str, Structure]) -> list[tuple[str, Structure]]:
    chosen = records if len(records) >= LEAST_MAPPED else []
    return [(Path(record["file"]).stem, decoded[record["file"]]) for record in chosen[:MOST_MAPPED]]


def _among(patterns: Sequence[str]) -> list[tuple[str, Structure]]:
    """Structures of some files, an even choice where there are more than the map holds."""
    found = (named for path in expand(patterns) for named in usable(path))
    every = [(name, one) for name, one in found if len(one) <= MOST_ATOMS]
    if not every:
        raise InputError(f"{patterns[0]}: no structures for the map")
    return [every[k] for k in np.unique(np.linspace(0, len(every) - 1, MOST_MAPPED).astype(int))]


def _map(named: list[tuple[str, Structure]]) -> Record:
    """Points of the map, families by which to colour it, and the structures to show."""
    mapped = list(measured(named, fingerprint))
    if len(mapped) < 3:
        return {"points": [], "families": {}, "structures": [], "first": 0}
    structures = [structure for _, structure, _ in mapped]
    rows = np.array([row for _, _, row in mapped])
    weights = np.where(np.arange(rows.shape[1]) < _LEADING, _LEADING_WEIGHT, 1.0)
    points = principal_plane(rows, weights)
    drawn = [{**_drawn(one), "name": name, "formula": one.formula} for name, one, _ in mapped]
    middle = int(np.linalg.norm(points - points.mean(0), axis=1).argmin())
    return {
        "points": points.round(3).tolist(),
        "families": families_of(structures),
        "structures": drawn,
        "first": middle,
    }
