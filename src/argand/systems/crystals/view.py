"""The page of crystals: structures beside what came back from their latents, ways between two, and a map."""

import base64
import gzip
import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from argand import __version__
from argand.errors import InputError
from argand.io.atomic import write_text
from argand.io.resource import system_data
from argand.io.structure import expand, read_many, read_structure, usable
from argand.page.shell import PAGE
from argand.physics.crystal.structure import Structure, parameters
from argand.systems.crystals.database.fingerprint import fingerprint, measured

MOST_PAIRS, MOST_MAPPED, LEAST_MAPPED = 60, 1500, 12
"""Structures that are drawn, and on the map; fewer than the last make no map. By hand, for the size of the
page."""
MOST_ATOMS = 200
"""Of a structure on the map that can be shown; larger ones would make the page heavy. By hand."""
_ANIONS = (9, 8, 17, 7, 35, 53, 16, 34, 6, 52, 15, 1)
"""By electronegativity (Pauling), the anion that names a compound; H last. Not quite: P (2.19) comes after Te
(2.1). What has none of these is told as metallic."""
_LEADING, _LEADING_WEIGHT = 5, 4.0
"""Columns of species and density in a fingerprint, and their weight on the map beside 48 of |F|². Weight by
hand."""
_METALLIC = "no anion"

Record = dict[str, Any]

_HEAD = """<!doctype html><meta charset="utf-8"><title>{title}</title><style>
body{{font:15px/1.5 system-ui,sans-serif;max-width:1180px;margin:2em auto;padding:0 1em;color:#222}}
table{{border-collapse:collapse}}td,th{{padding:.15em .9em;text-align:left;border-bottom:1px solid #ddd}}
section{{margin-bottom:2.5em}}.bad{{color:#b00}}.side{{display:flex;gap:1em}}.side>div{{flex:1;min-width:0}}
details{{margin-top:.5em}}select,button{{font:inherit}}input[type=range]{{width:18em;vertical-align:middle}}
</style><h1>{title}</h1>"""

_BODY = """<section id="pairs"><p><select id="pair"></select>
&nbsp; surface at <input id="level" type="range" min="0.05" max="0.9" step="0.05" value="0.25"> of the
highest</p>
<div id="pair-view"></div><div id="pair-facts"></div>
<details><summary>Atoms</summary><table id="pair-atoms"></table></details></section>
<section id="way"><h2>On the way</h2><p><button id="play">play</button>
<input id="step" type="range" min="0" step="1"> <span id="step-facts"></span></p>
<div id="way-view"></div></section>
<section id="map"><h2>Map of latents</h2><p>Coloured by <select id="family"></select>; a click shows the
structure. Near each other are structures with like species, density and |F|² (principal components of what
no choice of the cell changes).</p>
<div class="side"><div id="map-view"></div><div id="map-structure"></div></div></section>"""

# plotly is compressed in the page, which is a third as large for it.
_START = """<script type="module">
const bytes = Uint8Array.from(atob(document.getElementById("code").textContent), (c) => c.charCodeAt(0));
const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
for (const text of [await new Response(plain).text(), document.getElementById("page").textContent]) {
  const script = document.createElement("script");
  script.textContent = text;
  document.head.append(script);
}
</script>"""


def write_page(folder: Path, page: Path | None = None, among: Sequence[str] = ()) -> Path:
    """Write the page of what reconstruct, decode, interpolate or alter wrote to `folder`.

    The map is of the structures of `among`, or else of those that were rebuilt. InputError without a run.
    """
    summary = _summary(folder)
    is_way = "first" in summary
    records = [record for record in summary["structures"] if _read(folder, record)]
    chosen = [] if is_way else _least_certain(records)
    drawn = [_pair(folder, record, given) for record, given in zip(chosen, _given(chosen), strict=True)]
    mapped = _among(among) if among else [] if is_way else _rebuilt(folder, records)
    steps = [_step(folder, record) for record in records] if is_way else []
    data = {"pairs": drawn, "way": steps, "map": _map(mapped)}
    shown = [*(p["decoded"] for p in drawn), *(p["input"] for p in drawn if p["input"]), *steps]
    shown += data["map"]["structures"]
    numbers = sorted({atom[0] for one in shown for atom in one["atoms"]})
    data["elements"] = {number: _element(number) for number in numbers}
    return _write(page or folder / PAGE, _title(summary), summary.get("skipped", []), data)


def _summary(folder: Path) -> Record:
    try:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        if not isinstance(summary["structures"], list):
            raise TypeError
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder}: no run there; name a folder that reconstruct or interpolate wrote"
        ) from error
    return summary


def _read(folder: Path, record: Record) -> Structure | None:
    """What was decoded; None for a file that is gone or no longer what it was."""
    try:
        return read_structure(folder / record["file"])
    except InputError:
        return None


def _title(summary: Record) -> str:
    count = len(summary["structures"])
    if "first" in summary:
        return f"From {Path(summary['first']).stem} to {Path(summary['second']).stem}, {count} steps"
    return f"{count} structures from their latents"


def _least_certain(records: list[Record]) -> list[Record]:
    return records if len(records) <= MOST_PAIRS else sorted(records, key=_confidence)[:MOST_PAIRS]


def _confidence(record: Record) -> float:
    return record["confidence"]


def _pair(folder: Path, record: Record, given: Structure | None) -> Record:
    """A decoded structure, with what was encoded where that can still be read."""
    decoded = read_structure(folder / record["file"])
    moved = _moved(given, decoded) if given else None
    return {
        "name": record.get("name", Path(record["file"]).stem),
        "formula": record["formula"],
        "confidence": record["confidence"],
        "latent_size": record.get("latent_size", ""),
        "input": _drawn(given) if given else None,
        "decoded": _drawn(decoded),
        "facts": _facts(record, moved),
        "rows": _rows(record, decoded, moved),
    }


def _given(records: list[Record]) -> list[Structure | None]:
    """The structures that were encoded; None for latents and files that are gone. Each file is read once."""
    found: dict[tuple[str, int], Structure] = {}
    wanted = [(record.get("source", ""), record.get("entry")) for record in records]
    for source in {source for source, entry in wanted if entry is not None and Path(source).is_file()}:
        entries = {entry for other, entry in wanted if other == source and entry is not None}
        for entry, (_, one) in enumerate(islice(read_many(Path(source)), max(entries) + 1)):
            if entry in entries and isinstance(one, Structure):
                found[source, entry] = one
    return [found.get((source, entry)) if entry is not None else None for source, entry in wanted]


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
    told = [f"confidence {record['confidence']:.4f}", f"misfit {record['misfit']:.2g}"]
    if "largest_place_error" in record:
        told.append(f"places known to {record['largest_place_error']:.2g} Å")
    if moved is not None:
        told.append(f"atoms moved by {moved.max():.2g} Å at most")
    source = escape(Path(record["source"]).name) if "source" in record else ""
    link = f'<a href="{escape(record["file"])}">{escape(record["file"])}</a>'
    return f"<p>{'; '.join(told)}. {source + ' → ' if source else ''}{link}</p>"


def _rows(record: Record, decoded: Structure, moved: np.ndarray | None) -> list[list[str]]:
    chances = record.get("species_probability")
    rows = []
    for number, (symbol, place) in enumerate(zip(decoded.symbols, decoded.frac_coords, strict=True)):
        chance = f"{chances[number]:.3f}" if chances else ""
        shift = f"{moved[number]:.4f}" if moved is not None else ""
        rows.append([f"{symbol}{number + 1}", *(f"{x:.4f}" for x in place), chance, shift])
    return rows


def _step(folder: Path, record: Record) -> Record:
    structure = read_structure(folder / record["file"])
    told = f"{100 * record['share']:.0f} % of the way: confidence {record['confidence']:.2f}, "
    told += f"shortest distance {record['shortest_distance']:.2f} Å"
    return {**_drawn(structure), "title": record["formula"], "facts": told}


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


def _rebuilt(folder: Path, records: list[Record]) -> list[tuple[str, Structure]]:
    chosen = records if len(records) >= LEAST_MAPPED else []
    return [(Path(r["file"]).stem, read_structure(folder / r["file"])) for r in chosen[:MOST_MAPPED]]


def _among(patterns: Sequence[str]) -> list[tuple[str, Structure]]:
    """Structures of some files, an even choice where there are more than the map holds."""
    found = (named for path in expand(patterns) for named in usable(path))
    every = [(name, one) for name, one in found if len(one) <= MOST_ATOMS]
    if not every:
        raise InputError(f"{patterns[0]}: no structure for the map is there")
    return [every[k] for k in np.unique(np.linspace(0, len(every) - 1, MOST_MAPPED).astype(int))]


def _map(named: list[tuple[str, Structure]]) -> Record:
    """Places on the map, families by which to colour it, and the structures to show."""
    mapped = list(measured(named, fingerprint))
    if len(mapped) < 3:
        return {"points": [], "families": {}, "structures": [], "first": 0}
    structures = [structure for _, structure, _ in mapped]
    rows = np.array([row for _, _, row in mapped])
    weights = np.where(np.arange(rows.shape[1]) < _LEADING, _LEADING_WEIGHT, 1.0)
    points = principal_plane(rows, weights)
    counts = [len(np.unique(one.species)) for one in structures]
    families = {
        "anion": [_anion(one) for one in structures],
        "number of elements": [f"{count} element{'s' * (count > 1)}" for count in counts],
        "atoms in the cell": [_bin(len(one), (4, 8, 12, 20, 52)) for one in structures],
        "shape of the cell": [_shape(one) for one in structures],
    }
    # Steps in the number of atoms end where the sets MP-20 and MPTS-52 do.
    drawn = [{**_drawn(one), "name": name, "formula": one.formula} for name, one, _ in mapped]
    middle = int(np.linalg.norm(points - points.mean(0), axis=1).argmin())
    return {"points": points.round(3).tolist(), "families": families, "structures": drawn, "first": middle}


def principal_plane(
    rows: Float[np.ndarray, "n size"], weights: Float[np.ndarray, " size"]
) -> Float[np.ndarray, "n 2"]:
    """The two principal components of the ranks in each column, which no outlier stretches.

    Ranks run from -0.5 to 0.5 and are weighted before; the sign of a component has no meaning.
    """
    ranks = (rows.argsort(0).argsort(0) / len(rows) - 0.5) * weights
    left, values, _ = np.linalg.svd(ranks - ranks.mean(0), full_matrices=False)
    return left[:, :2] * values[:2]


def _anion(structure: Structure) -> str:
    present = set(structure.species.tolist())
    found = next((number for number in _ANIONS if number in present), None)
    return _METALLIC if found is None else gemmi.Element(found).name


def _bin(count: int, edges: tuple[int, ...]) -> str:
    low = 1
    for edge in edges:
        if count <= edge:
            return f"{low} to {edge}"
        low = edge + 1
    return f"{low} or more"


def _shape(structure: Structure) -> str:
    """Which of lengths and angles of the cell are equal: to 0.5 % and to 0.3°, by hand."""
    cell = parameters(structure.lattice)
    equal = sum(
        abs(x / y - 1) < 0.005 for x, y in ((cell[0], cell[1]), (cell[1], cell[2]), (cell[0], cell[2]))
    )
    right = int((np.abs(cell[3:] - np.pi / 2) < 0.005).sum())
    lengths, angles = ("no", "two", "two", "three")[equal], ("no", "one", "two", "three")[right]
    return f"{lengths} equal lengths, {angles} right angles"


def _write(page: Path, title: str, skipped: list[Record], data: Record) -> Path:
    """Write the page in one move."""
    plotly = (files("plotly") / "package_data" / "plotly.min.js").read_bytes()
    code = base64.b64encode(gzip.compress(plotly, 9, mtime=0)).decode()
    script = system_data("crystals", "page.js").read_text(encoding="utf-8")
    # "</" would end the script that it stands in.
    content = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    lines = [
        _HEAD.format(title=escape(title)),
        *(f'<p class="bad">skipped: {escape(one["reason"])}</p>' for one in skipped[:20]),
        _BODY,
        f'<script type="text/plain" id="code">{code}</script>',
        f'<script type="text/plain" id="page">const DATA={content};\n{script}</script>',
        _START,
        f"<p>argand {__version__}. The surface is of Gaussians of 0.55 Å and weight √Z.</p>",
    ]
    write_text(page, "\n".join(lines))
    return page
