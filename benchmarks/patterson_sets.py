"""Crystals to solve, measured and simulated, and the rule that divides them into two halves.

What is chosen, constants and recipes, is chosen on the part `choose`; what is reported is of the part
`report`:

- simulated from `structures.jsonl.gz`: `choose` where the CRC-32 of the name is even;
- `electron`, kinematic sets disturbed by multiple scattering, from the smaller of these structures, likewise;
- measured: `choose` are the first 25 of `index.csv`, on which the first recipes were chosen, and the two of
  the others whose failures were looked into (`cod_2242045`, `thiourea_ferrocene`); the other nine are
  `report`."""

import csv
import gzip
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import gemmi
import numpy as np
from jaxtyping import Float
from patterson_truth import true_atoms
from simulated_intensities import Published, published, simulate

from argand.io.reflections import MeasuredIntensities, read_reflections
from argand.physics.crystal.atom import Atoms, Radiation

Part = Literal["choose", "report"]
Kind = Literal["measured", "simulated", "electron"]
_FIRST = 25
_MOST_FOR_ELECTRONS = 30
_LOOKED_INTO = ("cod_2242045", "thiourea_ferrocene")


@dataclass(frozen=True)
class TestSet:
    """A crystal with a known answer: what a user would give, and the truth."""

    __test__ = False
    name: str
    kind: Kind
    part: Part
    grade: str
    measured: MeasuredIntensities
    spacegroup: str
    cell: tuple[float, float, float, float, float, float]
    formula: str
    """Contents of the whole cell."""
    radiation: Radiation
    truth: Atoms
    chemical: Float[np.ndarray, " n"]

    @property
    def elements(self) -> tuple[str, ...]:
        """Symbols alone, hydrogen last as people write them after carbon is of no matter."""
        pairs = (gemmi.Element(part.rstrip("0123456789.")).name for part in self.formula.split())
        return tuple(dict.fromkeys(pairs))


def names(folder: Path, kind: Kind, part: Part) -> list[str]:
    """Names of the sets of a kind and part, in the order of the list."""
    if kind == "measured":
        rows = [row["name"] for row in _index(folder)]
        return [n for i, n in enumerate(rows) if (i < _FIRST or n in _LOOKED_INTO) == (part == "choose")]
    records = [record["name"] for record in _records(folder) if kind == "simulated" or _for_electrons(record)]
    even = part == "choose"
    return [name for name in records if (zlib.crc32(name.encode()) % 2 == 0) == even]


def load(folder: Path, kind: Kind, part: Part, name: str) -> TestSet | None:
    """One set; None for a structure that the rules of `simulated_intensities` leave out."""
    if kind == "measured":
        return _measured(folder, part, name)
    record = next(record for record in _records(folder) if record["name"] == name)
    structure = published(record)
    return None if structure is None else _simulated(structure, part, kind)


def _for_electrons(record: dict) -> bool:
    """Organic crystals and others of middling size: what electron diffraction is used for."""
    return record["heavy"] <= _MOST_FOR_ELECTRONS


def _simulated(structure: Published, part: Part, kind: Kind) -> TestSet:
    truth = structure.heavy
    radiation: Radiation = "electron" if kind == "electron" else "xray"
    intensities = simulate(structure, radiation)
    name = structure.name, kind, part, "A"
    given = intensities, structure.group.name, structure.cell, structure.cell_formula, radiation
    return TestSet(*name, *given, truth, np.ones(len(truth)))


def _measured(folder: Path, part: Part, name: str) -> TestSet:
    row = next(row for row in _index(folder) if row["name"] == name)
    structure = gemmi.read_small_structure(str(folder / f"{name}.cif"))
    truth, chemical = true_atoms(structure)
    measured = read_reflections(folder / f"{name}.hkl.gz", beside=False)
    radiation: Radiation = "electron" if row["radiation"] == "electron" else "xray"
    label = name, "measured", part, row["grade"]
    cell = tuple(structure.cell.parameters)
    return TestSet(
        *label,
        measured,
        structure.spacegroup.xhm(),
        cell,
        cell_formula(structure),
        radiation,
        truth,
        chemical,
    )


def cell_formula(structure: gemmi.SmallStructure) -> str:
    """Contents of the whole cell, from sites with crystallographic occupancies."""
    order = len(structure.spacegroup.operations())
    counts: dict[str, float] = {}
    for site in structure.sites:
        counts[site.element.name] = counts.get(site.element.name, 0.0) + site.occ * order
    return " ".join(f"{element}{count:.4f}" for element, count in counts.items())


def _index(folder: Path) -> list[dict[str, str]]:
    with (folder / "index.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def _records(folder: Path) -> list[dict]:
    with gzip.open(folder / "structures.jsonl.gz", "rt") as file:
        return [json.loads(line) for line in file]
