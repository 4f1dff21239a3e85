"""The potential that energies are of: CHGNet 0.3.0, whose weights come with its package.

Deng et al., Nature Machine Intelligence 5, 1031 (2023), trained on relaxations of the Materials Project. It
is a stand-in for density functional theory: the energies of all phases and of all samples must be its own.
"""

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Float

from argand.errors import MissingExtraError
from argand.physics.crystal.structure import Structure

VERSION = "0.3.0"
_BATCH_ATOMS = 600
"""Atoms of a batch, about. By hand: on one core larger ones save no time."""


@cache
def load_potential() -> Any:
    """The network on the processor, loaded once; MissingExtraError where its package is not installed."""
    try:
        with redirect_stdout(io.StringIO()):
            from chgnet.model.model import CHGNet  # pyright: ignore[reportMissingImports]

            network = CHGNet.load(model_name=VERSION, use_device="cpu", verbose=False)
    except ImportError as error:
        raise MissingExtraError(
            "energies need CHGNet: pip install -c constraints.txt 'argand[energy]'"
        ) from error
    network.graph_converter.set_isolated_atom_response("error")
    return network


def energies(structures: Sequence[Structure]) -> Float[np.ndarray, " n"]:
    """Energy in eV for an atom of each structure as it is; NaN where an atom has no neighbour within 6 Å."""
    network = load_potential()
    found = np.full(len(structures), np.nan)
    graphs, rows = [], []
    for row, structure in enumerate(structures):
        try:
            graphs.append(network.graph_converter(_pymatgen(structure)))
            rows.append(row)
        except ValueError:  # of the converter, for isolated atoms
            continue
    if rows:
        largest = max(len(structures[row]) for row in rows)
        size = max(1, _BATCH_ATOMS // largest)
        with quiet():
            answers = network.predict_graph(graphs, task="e", batch_size=size)
        found[rows] = [float(answer["e"]) for answer in (answers if isinstance(answers, list) else [answers])]
    return found


def calculator() -> Any:
    """The potential as a calculator of ase, for energies, forces and stress."""
    network = load_potential()
    with redirect_stdout(io.StringIO()):
        from chgnet.model.dynamics import CHGNetCalculator  # pyright: ignore[reportMissingImports]

        return CHGNetCalculator(model=network, use_device="cpu", on_isolated_atoms="error")


@contextmanager
def quiet() -> Iterator[None]:
    """Leaves out the network's warnings of how it calls torch, which say nothing of an answer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def _pymatgen(structure: Structure) -> Any:
    from pymatgen.core import Structure as PymatgenStructure  # pyright: ignore[reportMissingImports]

    return PymatgenStructure(structure.lattice, structure.symbols, structure.frac_coords)
