"""Molecules from PDB and mmCIF files (gemmi) and trajectories (MDAnalysis): elements and all models."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
from jaxtyping import Float

from argand.errors import InputError, MissingExtraError
from argand.io.limits import MOST_ATOMS, require_at_most
from argand.io.text_size import read_text, require_words

MAX_PLACES = 50_000_000
"""Most coordinates of all frames together: 400 MB. Set by hand, for the memory of a small machine."""
_COMMON = "HCNOSP"
"""Elements with a symbol that begins the names of their atoms in biological PDB components."""
_BULK = frozenset(("NA", "NA+", "SOD", "K", "K+", "POT", "CL", "CL-", "CLA"))
"""Force-field names of the ions of a solution (Amber, CHARMM, GROMACS)."""
_MD_WATERS = frozenset(("SOL", "TIP3", "TIP4", "TP3", "T3P", "T4P", "SPC", "WAT", "HOH"))
"""Force-field names of water, besides those of the PDB."""

Atom = tuple[str, str]
"""Name and element."""


@dataclass(frozen=True, eq=False)
class Molecule:
    """A molecule in one or more models: the same atoms at other positions.

    `elements` of the atoms, `frames` [frame, atom, 3] in Å; `notes` say what was left out of the file, and
    what it lacks.
    """

    elements: tuple[str, ...]
    frames: Float[np.ndarray, "frame atom 3"]
    notes: tuple[str, ...] = ()


def read_molecule(name: str) -> Molecule:
    """The molecule of a PDB or mmCIF file (also .gz), or of `TOPOLOGY:TRAJECTORY`; all models or frames.

    Hydrogens, ions and ligands are kept, waters are not; of alternate locations that with the highest
    occupancy stays, the first where they are equal, for each residue by itself. Raises InputError for a file
    that cannot be read, has models of unlike atoms, or an atom of an unknown element; MissingExtraError if a
    trajectory needs a package.
    """
    topology, trajectory = parts_of(name)
    if trajectory is not None:
        return _read_trajectory(topology, trajectory)
    models = _models(topology)
    kept = [_kept(model, topology) for model in models]
    if not kept or not kept[0][0]:
        raise InputError(f"{topology}: contains no atoms; give a PDB or mmCIF file of a molecule")
    atoms = kept[0][0]
    for number, (others, _, _) in enumerate(kept[1:], start=2):
        if others != atoms:
            raise InputError(
                f"{topology}: model {number} has other atoms than the first; they must be one molecule, "
                "so write different ones to separate files"
            )
    _require_few(topology, len(kept), len(atoms))
    return _molecule(
        [element for _, element in atoms], np.stack([places for _, places, _ in kept]), kept[0][2]
    )


def parts_of(name: str) -> tuple[Path, Path | None]:
    """File and trajectory of a name `TOPOLOGY:TRAJECTORY`, None for a single file; InputError for a missing
    file."""
    topology, separator, trajectory = name.rpartition(":")
    parts = [name] if not separator or Path(name).is_file() else [topology, trajectory]
    for part in parts:
        if not Path(part).is_file():
            raise InputError(f"{part}: no such file; give a PDB or mmCIF file, or TOPOLOGY:TRAJECTORY")
    return Path(parts[0]), Path(parts[1]) if len(parts) > 1 else None


def _models(path: Path) -> list[gemmi.Model]:
    # gemmi passes names on unchanged, and Python accepts only UTF-8.
    text = read_text(path)
    require_words(text, path)
    blob = text.encode("ascii", "replace")
    try:
        # Chain parts are not merged: atoms keep the order of the file.
        models = list(gemmi.read_structure_string(blob, merge_chain_parts=False))
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not a readable PDB or mmCIF file ({reason})") from error
    for model in models[:1]:
        require_at_most(path, "atoms", model.count_atom_sites(), MOST_ATOMS)
    return models


def _kept(model: gemmi.Model, path: Path) -> tuple[list[Atom], Float[np.ndarray, "atom 3"], Counter[str]]:
    """Kept atoms, their positions, and counts of those left out."""
    atoms, places, left = [], [], Counter[str]()
    for chain in model:
        for group in _places(chain):
            chosen = _location(group)
            for residue in group:
                if residue.is_water():
                    left["waters"] += 1
                    continue
                for atom in residue:
                    if atom.altloc not in ("\0", chosen):
                        left["atoms at other alternate locations"] += 1
                        continue
                    atoms.append((atom.name, _element(atom, residue, path)))
                    places.append(atom.pos.tolist())
    return atoms, np.array(places, float).reshape(-1, 3), left


def _places(chain: gemmi.Chain) -> Iterator[list[gemmi.Residue]]:
    """Residues at one position of the chain: one, or several alternatives."""
    group: list[gemmi.Residue] = []
    for residue in chain:
        if group and (residue.seqid != group[0].seqid or residue.is_water()):
            yield group
            group = []
        group.append(residue)
    if group:
        yield group


def _location(residues: Sequence[gemmi.Residue]) -> str:
    """Letter of the alternate location with the highest mean occupancy, the first if equal."""
    occupancies: dict[str, list[float]] = {}
    for residue in residues:
        for atom in residue:
            if atom.altloc != "\0":
                occupancies.setdefault(atom.altloc, []).append(atom.occ)
    return max(occupancies, key=lambda letter: round(float(np.mean(occupancies[letter])), 3), default="\0")


def _element(atom: gemmi.Atom, residue: gemmi.Residue, path: Path) -> str:
    """Symbol of an atom's element, from its name if the file gives none; InputError if unknown."""
    if atom.element.atomic_number:
        return atom.element.name
    found = _named_element(atom.name, residue.name)
    if found is None:
        raise InputError(
            f"{path}: atom {atom.name} of residue {residue.name} {residue.seqid} is of an unknown element; "
            "write it to columns 77 and 78 of the PDB file, or to _atom_site.type_symbol"
        )
    return found


def _named_element(name: str, residue: str) -> str | None:
    """The element implied by a name: of an ion named like its residue, or a common one."""
    letters = name.strip("0123456789'\"*+-").capitalize()
    if name == residue and gemmi.Element(letters).atomic_number:
        return gemmi.Element(letters).name
    return letters[0] if letters and letters[0] in _COMMON else None


def _read_trajectory(topology: Path, trajectory: Path) -> Molecule:
    """Frames of a trajectory, without water and the ions of a solution."""
    if find_spec("MDAnalysis") is None:
        raise MissingExtraError("trajectories need MDAnalysis; pip install 'argand[trajectory]'")
    import MDAnalysis  # pyright: ignore[reportMissingImports]

    try:
        universe: Any = MDAnalysis.Universe(str(topology), str(trajectory))
        everything = universe.atoms
        keep, left = _solute(everything)
        chosen = everything[keep]
        elements = [_of_trajectory(atom, topology) for atom in chosen]
        _require_few(trajectory, len(universe.trajectory), len(elements))
        frames = np.stack([chosen.positions.astype(float) for _ in universe.trajectory])
    except (OSError, ValueError, TypeError, IndexError, EOFError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{topology}:{trajectory}: MDAnalysis cannot read it ({reason})") from error
    return _molecule(elements, frames, left)


def _solute(atoms: Any) -> tuple[list[int], Counter[str]]:
    """Indices of the atoms that are neither water nor solution ions, and counts of the residues that are."""
    keep, left = [], Counter[str]()
    for residue in atoms.residues:
        name = str(residue.resname).upper()
        if name in _MD_WATERS or gemmi.find_tabulated_residue(name).is_water():
            left["waters"] += 1
        elif len(residue.atoms) == 1 and name in _BULK:
            left["ions of the solution"] += 1
        else:
            keep += residue.atoms.ix.tolist()
    return sorted(keep), left


def _of_trajectory(atom: Any, path: Path) -> str:
    stated = gemmi.Element(str(getattr(atom, "element", "") or "X"))
    found = stated.name if stated.atomic_number else _named_element(str(atom.name), str(atom.resname))
    if found is None:
        raise InputError(
            f"{path}: atom {atom.name} of residue {atom.resname} is of an unknown element; take a topology "
            "that states elements, such as PDB"
        )
    return found


def _require_few(path: Path, frames: int, atoms: int) -> None:
    if 3 * frames * atoms > MAX_PLACES:
        most = MAX_PLACES // (3 * atoms)
        raise InputError(f"{path}: {frames} frames of {atoms} atoms are too many; keep {most} or fewer")


def _molecule(elements: list[str], frames: Float[np.ndarray, "f a 3"], left: Counter[str]) -> Molecule:
    if not elements:
        raise InputError("the file contains only water; give a file of a molecule")
    if not np.isfinite(frames).all():
        raise InputError("atoms have non-finite positions; correct the file")
    notes = tuple(f"{what} left out: {count}" for what, count in left.items())
    if not {"H", "D"} & set(elements):
        notes += ("the file has no hydrogens, so neither has the molecule",)
    return Molecule(tuple(elements), frames, notes)
