"""Crystal structures in and out: CIF, POSCAR, extended XYZ, rows of parquet."""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from argand.errors import ArgandError, InputError
from argand.io.atomic import write_lines, written
from argand.io.named_files import expand_named, named_files
from argand.io.structure_cif import blocks_of_cif, structure_of_block
from argand.io.structure_parquet import rows_of_parquet, structure_of_row
from argand.io.structure_poscar import structure_of_poscar
from argand.io.structure_xyz import frames_of_xyz, structure_of_frame
from argand.io.text_size import read_text
from argand.physics.crystal.structure import MAX_ATOMS, Structure

SUFFIXES = (".cif", ".vasp", ".poscar", ".contcar", ".xyz", ".extxyz", ".parquet")
_XYZ = (".xyz", ".extxyz")
_POSCAR = re.compile(r"^(POSCAR|CONTCAR)|\.(vasp|poscar|contcar)$", re.IGNORECASE)
Named = tuple[str, Structure | InputError]
"""A structure under its name, or why there is none."""
Read = tuple[Structure, Sequence[str]]
"""A structure, and what is to be said of how it was read."""

_ANY = (Exception,)
"""What may end the reading of one structure, and of no other: files of the world break a reader in ways that
nobody thought of."""

logger = logging.getLogger(__name__)


def is_structure_file(path: Path) -> bool:
    """Whether the name is that of a CIF, POSCAR, extended XYZ (each perhaps .gz) or parquet file."""
    plain = _plain(path)
    return plain.suffix.lower() in SUFFIXES or bool(_POSCAR.search(plain.name))


def _plain(path: Path) -> Path:
    """The path without the ending .gz."""
    return path.with_suffix("") if path.suffix.lower() == ".gz" else path


def structure_files(pattern: str) -> list[Path]:
    """Files of a pattern: a file, a glob or a folder; InputError for a pattern that names nothing."""
    return named_files(pattern, is_structure_file, "structures there; name CIF, POSCAR, XYZ or parquet files")


def expand_all(patterns: Sequence[str]) -> dict[Path, InputError | None]:
    """Files of all patterns, each once; under a pattern that names nothing it says why."""
    return expand_named(patterns, structure_files)


def expand(patterns: Sequence[str]) -> list[Path]:
    """Files of all patterns, each once; those that name nothing are told and left out."""
    found = expand_all(patterns)
    for error in filter(None, found.values()):
        logger.warning("left out: %s", error)
    return [path for path, error in found.items() if error is None]


def read_many(
    path: Path, max_atoms: int = MAX_ATOMS, tell: Callable[[str], None] = logger.warning
) -> Iterator[Named]:
    """The structures of a file with their names, in their order; one that cannot be used is an InputError.

    A file of one structure gives its stem, a CIF of several blocks and a parquet file the names inside, and
    frames of an extended XYZ file are numbered. Whatever goes wrong with one structure ends no other.
    `tell` is called, just before a structure comes, with what is to be said of how it was read.
    """
    name = ""
    try:
        for name, read in _readings(path, max_atoms):
            found = _attempted(_place(path, name), read)
            if isinstance(found, InputError):
                yield name, found
                continue
            for note in found[1]:
                tell(f"{_place(path, name)}: {note}")
            yield name, found[0]
        if not name:
            raise InputError("holds no structure; is the file whole?")
    except _ANY as error:
        yield name or _stem(path), _failure(_place(path, _stem(path)), error)


def usable(path: Path, max_atoms: int = MAX_ATOMS) -> Iterator[tuple[str, Structure]]:
    """The structures of a file with their names; what cannot be used is told and left out."""
    for name, found in read_many(path, max_atoms):
        if isinstance(found, Structure):
            yield name, found
        else:
            logger.warning("left out: %s", found)


def _attempted(place: str, read: Callable[[], Read]) -> Read | InputError:
    """What a reader gives, or why there is nothing."""
    try:
        return read()
    except _ANY as error:
        return _failure(place, error)


def _failure(place: str, error: Exception) -> InputError:
    """One line that names the file and says why it has no structure."""
    reason = " ".join(str(error).split()) or type(error).__name__
    if not isinstance(error, ArgandError):
        logger.debug("%s", place, exc_info=error)
        reason = f"{type(error).__name__}: {reason}; please report it with this file"
    # Readers of bytes name the file themselves.
    return InputError(reason if reason.startswith(f"{place}: ") else f"{place}: {reason}")


def _stem(path: Path) -> str:
    """The name of a file without the endings that say what it is: POSCAR.mp-149 has none."""
    plain = _plain(path)
    return plain.stem if plain.suffix.lower() in SUFFIXES else plain.name


def _place(path: Path, name: str) -> str:
    """The file, and which of its structures where it has several."""
    # Names of files can have bytes that no text has.
    shown = str(path).encode(errors="backslashreplace").decode()
    return shown if name == _stem(path) else f"{shown}: {name}"


def _readings(path: Path, max_atoms: int) -> Iterator[tuple[str, Callable[[], Read]]]:
    """The names of a file's structures, each with what reads it."""
    stem, kind = _stem(path), _plain(path).suffix.lower()
    if kind == ".parquet":
        for name, row in rows_of_parquet(path):
            yield name, lambda row=row: (structure_of_row(row, max_atoms), ())
        return
    text = read_text(path)
    if kind == ".cif":
        blocks = blocks_of_cif(text)
        for name, block in blocks:
            called = stem if len(blocks) == 1 else f"{stem}-{name}"
            yield called, lambda block=block: structure_of_block(block, max_atoms)
    elif kind in _XYZ:
        frames = frames_of_xyz(text)
        for number, frame in enumerate(frames, 1):
            called = stem if len(frames) == 1 else f"{stem}-{number}"
            yield called, lambda frame=frame: structure_of_frame(frame, max_atoms)
    else:
        yield stem, lambda: (structure_of_poscar(text, max_atoms), ())


def read_structure(path: str | Path, max_atoms: int = MAX_ATOMS) -> Structure:
    """The first structure of a file; InputError, which names the file and the reason, where there is none.

    Where the file holds others, that is told.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    structures = read_many(path, max_atoms)
    name, found = next(structures)
    if isinstance(found, InputError):
        raise found
    if next(structures, None) is not None:
        logger.warning("%s: holds several structures; %s, the first, is taken", path, name)
    return found


def write_structure(path: Path, structure: Structure, name: str = "") -> None:
    """Write a CIF with its symmetry, or what ase writes for POSCAR, .vasp and .xyz, in one move.

    Raises InputError for an ending that stands for no such file, MissingExtraError where ase is needed and
    missing.
    """
    if path.suffix.lower() in (".gz", ".parquet") or not is_structure_file(path):
        raise InputError(f"{path}: structures are written as CIF, POSCAR or XYZ; name one of these")
    if path.suffix.lower() == ".cif":
        write_lines(path, structure.to_cif(name or path.stem).splitlines())
        return
    atoms = structure.to_ase()
    with written(path) as temporary:
        atoms.write(temporary, format="extxyz" if path.suffix.lower() in _XYZ else "vasp")
