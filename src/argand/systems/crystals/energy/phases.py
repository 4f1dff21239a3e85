"""The phases that a hull is made of: computed over a pool of structures, kept where they are lowest."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from argand.crew import HERE, Crew, Machines
from argand.errors import InputError
from argand.io.arrays import read_arrays, write_arrays
from argand.io.atomic import make_folder, written
from argand.io.compressed import compressed, restored
from argand.io.resource import shipped_weights
from argand.physics.crystal.structure import Structure
from argand.progress import ProgressDisplay
from argand.runs.claim import claim_file
from argand.runs.course import Failure, worked
from argand.runs.record import SCHEMA_VERSION
from argand.systems.crystals.database.dataset import StructureDataset, from_parquet
from argand.systems.crystals.database.fingerprint_index import formula_arrays, formula_of, formulas_in
from argand.systems.crystals.energy.hull import Hull, vertices
from argand.systems.crystals.energy.potential import energies

SHIPPED = shipped_weights("crystals-phases") / "phases.safetensors"
LARGEST = 52
"""Atoms of the largest cells whose energies are computed. By hand, a bound on time: the rest of the pool has
a fifth of its structures and more than half of its atoms."""
_CHUNK = 256
"""Structures that are sent to a process at a time. By hand: a minute at most to do again for a run that was
stopped."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Row:
    """A structure of the pool, and its number there."""

    number: int
    name: str
    structure: Structure

    def __str__(self) -> str:
        return self.name


def write_phases(
    pool: Path,
    out: Path,
    max_atoms: int = LARGEST,
    machines: Machines = HERE,
    *,
    force: bool = False,
    resume: bool = False,
) -> dict[str, int | str]:
    """Compute the energies of a pool's structures as they are, and write the phases on the hull to `out`.

    All rows up to `max_atoms` atoms, those of benchmarks too. Energies are kept beside `out` as they come,
    one for each row of the pool (float32, eV/atom, NaN where there is none), so that `resume` continues.
    Gives counts. InputError for an invalid pool, and where what is beside `out` belongs to another one;
    ConfigError where there are results and neither `force` nor `resume` is given.
    """
    structures = from_parquet(pool, benchmarks=True)
    kept = out.with_suffix(".energies.npy")
    claim_file(out, force=force, resume=resume, beside=[kept])
    _check_state(kept, len(structures))
    per_atom = np.load(kept, mmap_mode="r+")
    sizes = np.diff(structures.ends, prepend=0)
    order = np.argsort(sizes, kind="stable")
    wanted = order[sizes[order] <= max_atoms]
    left = wanted[np.isnan(per_atom[wanted])]
    _compute(structures, left, per_atom, len(wanted), machines)
    done = np.array([row for row in np.flatnonzero(~np.isnan(per_atom)) if sizes[row] <= max_atoms], int)
    if not len(done):
        raise InputError(f"{pool}: no structure of up to {max_atoms} atoms has an energy")
    hull = lowest_phases(structures, done, per_atom)
    save_phases(out, hull)
    counts = {"asked": len(wanted), "with_energy": len(done), "phases": len(hull), "file": str(out)}
    return {"schema_version": SCHEMA_VERSION, **counts}


def _compute(
    structures: StructureDataset, left: np.ndarray, per_atom: np.ndarray, wanted: int, machines: Machines
) -> None:
    """Write the energies of the rows that are left to their places in a file."""
    # All of one size whatever works on them: an energy depends on its batch in the last digits.
    parts = (left[first : first + _CHUNK] for first in range(0, len(left), _CHUNK))
    chunks = ([_row(structures, int(number)) for number in part] for part in parts)
    done = wanted - len(left)
    display = ProgressDisplay("energies", "structures", done / max(wanted, 1))
    with Crew(machines, Energies()) as crew:
        for row, energy in worked(crew, chunks, display, wanted, done):
            if isinstance(energy, Failure):
                logger.warning("without an energy: %s", energy.message)
            else:
                per_atom[row.number] = energy


def _row(structures: StructureDataset, number: int) -> Row:
    return Row(number, str(structures.names[number]), structures[number])


class Energies:
    """A crew's setup: energies of some rows at once, or of each by itself where that fails."""

    def __call__(self) -> Callable[[Sequence[Row]], list[float | Failure]]:
        """What answers; the potential is loaded by its first answer."""
        return energies_of


def energies_of(rows: Sequence[Row]) -> list[float | Failure]:
    """Energies in eV for an atom, NaN where the potential has none; a failure for whatever goes wrong."""
    try:
        return [float(energy) for energy in energies([row.structure for row in rows])]
    except Exception as error:  # noqa: BLE001  one of many structures is not to end what is done with others
        if len(rows) == 1:
            return [Failure.of(str(rows[0]), error)]
        return [energy for row in rows for energy in energies_of([row])]


def lowest_phases(structures: StructureDataset, rows: np.ndarray, per_atom: np.ndarray) -> Hull:
    """The phases of those rows that no mixture of the others is below."""
    formulas = [formula_of(structures[int(row)]) for row in rows]
    chosen: list[int] = []
    with ProgressDisplay("hull", "systems") as display:
        total = len({numbers for numbers, _ in formulas})
        for number, part in enumerate(vertices(formulas, per_atom[rows].astype(float)), start=1):
            chosen += part
            display.update(number / total, number)
    return Hull([formulas[one] for one in chosen], per_atom[rows[chosen]].astype(float))


def save_phases(path: Path, hull: Hull) -> None:
    """Write phases as safetensors, in one move: reduced formulas and float32 energies, compressed."""
    energy = compressed(hull.energies.astype(np.float32))
    write_arrays(path, {**formula_arrays(hull.formulas), "energy": energy})


@cache
def load_phases(path: Path | None = None) -> Hull:
    """The phases in a file, by default those that ship with argand; InputError where there are none."""
    path = path or SHIPPED
    arrays = read_arrays(path, "phases", "`argand crystals phases`")
    try:
        return Hull(formulas_in(arrays), restored(arrays["energy"], np.float32).astype(float))
    except (KeyError, ValueError) as error:
        raise InputError(f"{path}: no phases ({error}); `argand crystals phases` makes them") from error


def _check_state(kept: Path, count: int) -> None:
    """See to the file of energies, one for each row; InputError where it is of something else."""
    if not kept.exists():
        make_folder(kept.parent)
        with written(kept) as temporary, temporary.open("wb") as file:
            np.save(file, np.full(count, np.nan, np.float32))
    try:
        found = np.load(kept, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise InputError(f"{kept}: no energies of an earlier run; move it away") from error
    if found.shape != (count,) or found.dtype != np.float32:
        raise InputError(f"{kept}: energies of another pool, {found.shape} for {count} rows; move it away")
