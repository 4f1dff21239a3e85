"""`solve_file` as Python calls it; what it needs is imported when it is called."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from argand.crew import Machines
from argand.physics.crystal.atom import Radiation

if TYPE_CHECKING:
    from argand.systems.patterson.solution.answer import CrystalAnswer


def solve_file(
    path: Path | str,
    cell: str | Sequence[float] | None = None,
    spacegroup: str | None = None,
    formula: str | None = None,
    *,
    laue: str | None = None,
    elements: str | Sequence[str] | None = None,
    units: float | None = None,
    radiation: Radiation | None = None,
    d_min: float | None = None,
    time_limit: float = 30.0,
    seed: int = 0,
    with_network: bool = False,
    hydrogens: bool = False,
    molecule: str | Sequence[str] = (),
    processes: int | None = 1,
    scheduler: str | None = None,
) -> "CrystalAnswer":
    """Solve a crystal structure from a file of measured intensities, as `argand patterson solve` does.

    The file (.hkl, .cif, .fcf, .mtz, XDS_ASCII.HKL, .m90, also gzipped) and its companions often tell all;
    what is given takes precedence. `cell` is six numbers in Å and degrees, or these as text. The space group
    is determined where neither `spacegroup` nor the file gives it, or where `laue` (a Laue class such as
    "2/m") is given. `elements`, symbols or text such as "C,H,N,O", are for an unknown formula; `units` is the
    number of formulas in the cell (Z), `d_min` the resolution limit in Å, `time_limit` in seconds. With
    `molecule`, one or more files or SMILES, known molecules are placed. `with_network` lets a network help to
    complete models of coarse data, `hydrogens` adds riding hydrogen atoms.

    With more than one of `processes` (None: one per core) or a Dask `scheduler` (its address), a script needs
    the usual `if __name__ == "__main__"`.

    Raises InputError for what cannot be read or does not fit together. Ctrl-C during a search that has a
    model raises `solution.solve.Interrupted`, a KeyboardInterrupt whose `solution` is the best answer so far.
    """
    from argand.systems.patterson.solution.file_search import solved_file

    return solved_file(
        path,
        cell,
        spacegroup,
        formula,
        laue=laue,
        elements=elements,
        units=units,
        radiation=radiation,
        d_min=d_min,
        time_limit=time_limit,
        seed=seed,
        with_network=with_network,
        hydrogens=hydrogens,
        molecule=molecule,
        machines=Machines(None if scheduler else processes, scheduler),
    )
