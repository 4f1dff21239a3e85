"""Formation energies by kernel ridge regression from vectors, from composition and from the fingerprint.

Used by `crystals_likeness.py`. Energies are CHGNet's (Deng et al., Nature Machine Intelligence 5, 1031,
2023), not of density functional theory, since the data have none.
"""

import zlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pyarrow import parquet
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial.distance import cdist

from argand.physics.crystal.canonical import canonical
from argand.physics.crystal.structure import MAX_Z, Structure, wrapped
from argand.systems.crystals.database.fingerprint import fingerprint
from argand.systems.crystals.latent.likeness import descriptor
from argand.systems.crystals.latent.representation import Representation

SEED = 17
LARGEST = 52
"""Atoms of the largest cell, that of MPTS-52."""
CHOSEN_OF = 5
"""One formula of so many, by a hash, chooses the kernels' widths and is not learnt from."""
SCREENED = 2500
"""Structures learnt from while widths are chosen."""
COMPOSITION_WIDTHS, SHAPE_WIDTHS, NOISES = (0.3, 1.0, 3.0), (1.0, 3.0, 10.0), (1e-3, 1e-2)
"""In units of the median distance of two structures; noise is relative to the kernel at 0."""
BLOCKS = {"properties": (5, 5, 5, 5), "fingerprint": (4, 1, 24, 24), "latent": (4, 1, 24, 14 * 24)}
"""Numbers that are of one kind in each list of features; every kind weighs alike."""
KINDS = ("composition", "fingerprint", "latent", "composition + fingerprint", "composition + latent")

Features = Mapping[str, np.ndarray]


def rows_of(folder: Path, file: Path | None, count: int) -> dict[str, Any]:
    """Pool rows to learn from, to choose by, and of mpts_52 val, with energies of formation in eV/atom.

    Formulas of no two parts are the same. Energies are of the file, or CHGNet computes them.
    """
    table = parquet.read_table(folder / "mp_pool.parquet").combine_chunks()
    formula, bench = table["formula"].to_pylist(), np.array(table["bench"].to_pylist())
    given = np.zeros(len(table)) if file is None else np.load(file)
    known = np.flatnonzero(np.isfinite(given) & (table["n_atoms"].to_numpy() <= LARGEST))
    tested = known[bench[known] == "mpts_52:val"]
    seen = {formula[row] for row in tested}
    hashed = np.array([zlib.crc32(formula[row].encode()) % CHOSEN_OF for row in known])
    free = (bench[known] == "") & np.array([formula[row] not in seen for row in known])
    rng = np.random.default_rng(SEED)
    parts = {
        "learn": rng.permutation(known[free & (hashed > 0)])[:count],
        "choose": rng.permutation(known[free & (hashed == 0)])[: count // 4],
        "report": rng.permutation(tested)[: count // 2],
    }
    elements = known[[" " not in formula[row] for row in known]]
    energies = given if file else by_chgnet(table, np.concatenate([elements, *parts.values()]))
    lowest = np.full(MAX_Z + 1, np.nan)
    for row in elements:
        z = table["species"][int(row)][0].as_py()
        lowest[z] = np.fmin(lowest[z], energies[row])
    return {name: _part(table, energies, lowest, rows) for name, rows in parts.items()}


def by_chgnet(table: Any, rows: np.ndarray) -> np.ndarray:
    """Energies in eV/atom of some rows, by CHGNet on one core; not a number where it has none."""
    from chgnet.model.model import CHGNet
    from pymatgen.core import Structure as PymatgenStructure

    model, energies = CHGNet.load(use_device="cpu", verbose=False), np.full(len(table), np.nan)
    for row in np.unique(rows):
        entry = table.slice(int(row), 1).to_pylist()[0]
        lattice, places = (np.array(entry[key]).reshape(-1, 3) for key in ("lattice", "frac_coords"))
        try:
            graph = model.graph_converter(PymatgenStructure(lattice, entry["species"], places))
        except ValueError:  # an atom without neighbours
            continue
        said: Any = model.predict_graph(graph, task="e")
        energies[row] = said["e"]
    return energies


def _part(table: Any, energies: np.ndarray, lowest: np.ndarray, rows: np.ndarray) -> dict[str, Any]:
    structures, targets = [], []
    for row, entry in zip(rows, table.take(rows).to_pylist(), strict=True):
        species = np.array(entry["species"], np.uint8)
        target = energies[row] - lowest[species].mean()
        if np.isfinite(target):
            lattice = np.array(entry["lattice"]).reshape(3, 3)
            places = wrapped(np.array(entry["frac_coords"]).reshape(-1, 3))
            structures.append(Structure(lattice, species, places))
            targets.append(float(target))
    return {"structures": structures, "target": np.array(targets)}


def features(structures: Sequence[Structure], representation: Representation) -> Features:
    """Shares of the elements, fingerprint, and descriptor of the vector in the canonical setting."""
    found: dict[str, list[np.ndarray]] = {name: [] for name in ("composition", *BLOCKS)}
    for one in structures:
        found["composition"].append(np.bincount(one.species, minlength=MAX_Z + 1) / len(one))
        table = _properties()[one.species]
        found["properties"].append(np.concatenate([table.mean(0), table.std(0), table.min(0), table.max(0)]))
        found["fingerprint"].append(fingerprint(one))
        latent = representation.encode_setting(canonical(one))
        found["latent"].append(descriptor(representation, latent))
    return {name: np.array(values) for name, values in found.items()}


@cache
def _properties() -> np.ndarray:
    """Electronegativity, period, group, Mendeleev number and radius of each element; of Z = 0 nothing."""
    from pymatgen.core import Element

    table = np.zeros((MAX_Z + 1, 5))
    for z in range(1, MAX_Z + 1):
        one = Element.from_Z(z)
        values = (one.X, one.row, one.group, one.mendeleev_no, one.atomic_radius)
        table[z] = np.nan_to_num(np.array([value or 0.0 for value in values], float))
    return table


def distances(first: Features, second: Features, scales: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Between all structures of two parts: of compositions (absolute), of others (Euclid's, standardised)."""
    found = {"composition": cdist(first["composition"], second["composition"], "cityblock")}
    for name in BLOCKS:
        mean, unit = scales[name]
        found[name] = cdist((first[name] - mean) / unit, (second[name] - mean) / unit)
    units = {name: scales.get(f"{name} median", 1.0) for name in found}
    return {name: (values / units[name]).astype(np.float32) for name, values in found.items()}


def scales_of(learnt: Features) -> dict[str, Any]:
    """Means and units of the features that are learnt from, and median distances."""
    scales: dict[str, Any] = {}
    for name, blocks in BLOCKS.items():
        size = np.repeat(np.sqrt(blocks), blocks)
        scales[name] = learnt[name].mean(0), np.maximum(learnt[name].std(0), 1e-6) * size
    some = {name: values[:500] for name, values in learnt.items()}
    medians = {f"{name} median": np.median(one) for name, one in distances(some, some, scales).items()}
    return {**scales, **medians}


def kernel(kind: str, apart: Mapping[str, np.ndarray], widths: tuple[float, float]) -> np.ndarray:
    """Laplacian kernels of composition, of shape, or of both: their product and that of composition.

    That of composition is the mean of kernels of the elements' shares and of the properties of elements.
    """
    parts = [np.exp(-apart[name] / widths[0]) for name in ("composition", "properties")]
    of_composition = 0.5 * (parts[0] + parts[1])
    if kind == "composition":
        return of_composition
    shape = np.exp(-apart[kind.split(" + ")[-1]] / widths[1])
    return 0.5 * of_composition * (1 + shape) if "+" in kind else shape


def solved(values: np.ndarray, target: np.ndarray, noise: float) -> np.ndarray:
    """Weights of kernel ridge regression."""
    matrix = values.astype(float)
    matrix[np.diag_indices_from(matrix)] += noise
    return cho_solve(cho_factor(matrix, overwrite_a=True), target)


def errors(
    folder: Path, file: Path | None, count: int, representation: Representation
) -> list[dict[str, Any]]:
    """Mean absolute errors in eV/atom on the choosing and on the reported part, by kind of input."""
    parts = rows_of(folder, file, count)
    known = {name: features(part["structures"], representation) for name, part in parts.items()}
    scales, target = scales_of(known["learn"]), parts["learn"]["target"]
    centre = target.mean()
    apart = {name: distances(known[name], known["learn"], scales) for name in ("learn", "choose", "report")}
    truth = {name: parts[name]["target"] for name in ("choose", "report")}
    counts = {f"{name}_count": len(part["target"]) for name, part in parts.items()}
    means = {name: float(np.abs(one - centre).mean()) for name, one in truth.items()}
    rows = [{"input": "the mean", **means, "widths": None, "noise": None, **counts}]
    few = slice(None, SCREENED)
    for kind in KINDS:
        best = (np.inf, (1.0, 1.0), 0.0)
        for widths in _widths(kind):
            learnt = kernel(kind, {key: one[few, few] for key, one in apart["learn"].items()}, widths)
            asked = kernel(kind, {key: one[:, few] for key, one in apart["choose"].items()}, widths)
            for noise in NOISES:
                said = centre + asked @ solved(learnt, target[few] - centre, noise)
                best = min(best, (float(np.abs(said - truth["choose"]).mean()), widths, noise))
        weights = solved(kernel(kind, apart["learn"], best[1]), target - centre, best[2])
        found = {
            name: float(np.abs(centre + kernel(kind, apart[name], best[1]) @ weights - one).mean())
            for name, one in truth.items()
        }
        rows.append({"input": kind, **found, "widths": best[1], "noise": best[2], **counts})
    return rows


def _widths(kind: str) -> list[tuple[float, float]]:
    first = COMPOSITION_WIDTHS if "composition" in kind else (1.0,)
    second = SHAPE_WIDTHS if kind != "composition" else (1.0,)
    return [(one, other) for one in first for other in second]
