"""The phases that a hull is made of: computed over a pool of structures, kept where they are lowest."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from argand.errors import InputError
from argand.io.arrays import read_arrays, write_arrays
from argand.io.atomic import make_folder
from argand.io.compressed import compressed, restored
from argand.io.resource import shipped_weights
from argand.machine import available_cores
from argand.physics.crystal.structure import Structure
from argand.processes import Ticker, run_jobs
from argand.progress import ProgressDisplay
from argand.systems.crystals.database.dataset import StructureDataset, from_parquet
from argand.systems.crystals.database.fingerprint_index import formula_arrays, formula_of, formulas_in
from argand.systems.crystals.energy.hull import Hull, vertices
from argand.systems.crystals.energy.potential import energies

SHIPPED = shipped_weights("crystals-phases") / "phases.safetensors"
LARGEST = 52
"""Atoms of the largest cells whose energies are computed. By hand, a bound on time: the rest of the pool has
a fifth of its structures and more than half of its atoms."""
_CHUNK = 256
"""Structures of one job. By hand: a minute at most to do again for a run that was stopped."""


def write_phases(
    pool: Path, out: Path, max_atoms: int = LARGEST, processes: int | None = None
) -> dict[str, int | str]:
    """Compute the energies of a pool's structures as they are, and write the phases on the hull to `out`.

    All rows up to `max_atoms` atoms, those of benchmarks too. Energies are kept beside `out` as they come,
    one for each row of the pool (float32, eV for an atom, NaN where there is none), so that the same command
    goes on. Gives counts. InputError where the pool is none, or what is beside `out` belongs to another one.
    """
    structures = from_parquet(pool, benchmarks=True)
    kept = out.with_suffix(".energies.npy")
    per_atom = _state(kept, len(structures))
    sizes = np.diff(structures.ends, prepend=0)
    order = np.argsort(sizes, kind="stable")
    wanted = order[sizes[order] <= max_atoms]
    left = wanted[np.isnan(per_atom[wanted])]
    begun = 1 - len(left) / max(len(wanted), 1)
    parts = (left[first : first + _CHUNK] for first in range(0, len(left), _CHUNK))
    jobs = [(compute_chunk, kept, part, [structures[int(row)] for row in part]) for part in parts]
    with ProgressDisplay("energies", "structures", begun) as display:
        watch = lambda done: display.update(begun + done / max(len(wanted), 1), done)  # noqa: E731
        run_jobs(jobs, processes or available_cores(), watch)
    per_atom = np.load(kept)
    done = np.array([row for row in np.flatnonzero(~np.isnan(per_atom)) if sizes[row] <= max_atoms], int)
    if not len(done):
        raise InputError(f"{pool}: no structure of up to {max_atoms} atoms has an energy")
    hull = lowest_phases(structures, done, per_atom)
    save_phases(out, hull)
    return {"asked": len(wanted), "with_energy": len(done), "phases": len(hull), "file": str(out)}


def compute_chunk(ticker: Ticker, kept: Path, rows: np.ndarray, structures: Sequence[Structure]) -> None:
    """A job: the energies of some structures, written to their rows of a file."""
    found = energies(structures)
    stored = np.load(kept, mmap_mode="r+")
    stored[rows] = found
    stored.flush()
    for _ in rows:
        ticker.tick()


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


def _state(kept: Path, count: int) -> np.ndarray:
    """The energies of an earlier run, or none yet, in a file of one for each row."""
    if not kept.exists():
        make_folder(kept.parent)
        np.save(kept, np.full(count, np.nan, np.float32))
    try:
        found = np.load(kept)
    except (OSError, ValueError) as error:
        raise InputError(f"{kept}: no energies of an earlier run; move it away") from error
    if found.shape != (count,) or found.dtype != np.float32:
        raise InputError(f"{kept}: energies of another pool, {found.shape} for {count} rows; move it away")
    return found
