"""Crystal structures in and out: CIF through gemmi, POSCAR and extended XYZ through ase, rows of parquet."""

import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import gemmi
import numpy as np

from argand import __version__
from argand.errors import InputError, MissingExtraError
from argand.io.atomic import write_lines, written
from argand.io.foreign_structure import FULL, structure_of_atoms
from argand.physics.crystal.structure import MAX_ATOMS, Structure, checked, parameters, wrapped

SUFFIXES = (".cif", ".vasp", ".poscar", ".contcar", ".xyz", ".extxyz", ".parquet")
_POSCAR = re.compile(r"^(POSCAR|CONTCAR)|\.(vasp|poscar|contcar)$", re.IGNORECASE)
_COLUMNS = ("lattice", "species", "frac_coords")
_SAME = 0.2
"""Images of one site nearer than this in Å are one atom: coordinates are printed with few digits.

By hand: below any distance of two atoms, above what two digits lose in a cell of 20 Å.
"""
_ROWS = 512
"""Rows of a parquet file read at once; by hand, a bound on memory."""

Named = tuple[str, Structure | InputError]
"""A structure under its name, or why there is none."""


def is_structure_file(path: Path) -> bool:
    """Whether the name is that of a CIF, POSCAR, extended XYZ (each perhaps .gz) or parquet file."""
    plain = _plain(path)
    return plain.suffix.lower() in SUFFIXES or bool(_POSCAR.search(plain.name))


def _plain(path: Path) -> Path:
    """The path without the ending .gz."""
    return path.with_suffix("") if path.suffix.lower() == ".gz" else path


def _text(path: Path) -> str:
    """What is in a text file, compressed or not; InputError for what cannot be read."""
    try:
        content = path.read_bytes()
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot be read ({' '.join(str(error).split())})") from error
    return content.decode("utf-8-sig", errors="replace")


def expand(patterns: Sequence[str]) -> list[Path]:
    """Files named by files, globs and folders, each once; InputError for a pattern that names nothing."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        path = Path(pattern)
        if path.is_dir():
            named = sorted(p for p in path.iterdir() if p.is_file() and is_structure_file(p))
        elif path.exists():
            named = [path]
        else:
            named = sorted(Path(path.anchor or ".").glob(str(path.relative_to(path.anchor))))
        if not named:
            raise InputError(f"{pattern}: no structures there; name CIF, POSCAR, XYZ or parquet files")
        found |= dict.fromkeys(named)
    return list(found)


def read_many(path: Path, max_atoms: int = MAX_ATOMS) -> Iterator[Named]:
    """The structures of a file with their names, in their order; one that cannot be used is an InputError.

    A file of one structure gives its stem, a CIF of several blocks and a parquet file the names inside, and
    frames of an extended XYZ file are numbered.
    """
    plain = _plain(path)
    try:
        if path.suffix.lower() == ".parquet":
            yield from _parquet(path, max_atoms)
        elif plain.suffix.lower() == ".cif":
            yield from _cif(path, plain.stem, max_atoms)
        else:
            yield from _with_ase(path, max_atoms)
    except InputError as error:
        yield plain.stem, InputError(f"{path}: {error}")


def read_structure(path: str | Path, max_atoms: int = MAX_ATOMS) -> Structure:
    """The first structure of a file; InputError, which names the file and the reason, where there is none."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    _, found = next(read_many(path, max_atoms), ("", InputError(f"{path}: holds no structure")))
    if isinstance(found, InputError):
        raise found
    return found


def write_structure(path: Path, structure: Structure, name: str = "") -> None:
    """Write a CIF in P 1, or what ase writes for another ending (POSCAR, .vasp, .xyz), in one move.

    Raises MissingExtraError where ase is needed and missing.
    """
    if path.suffix.lower() == ".cif":
        write_lines(path, cif_text(structure, name or path.stem).splitlines())
        return
    atoms = structure.to_ase()
    with written(path) as temporary:
        atoms.write(temporary, format="vasp" if _POSCAR.search(path.name) else "extxyz")


def cif_text(structure: Structure, name: str, tags: dict[str, str] | None = None) -> str:
    """The structure as a CIF in P 1; `tags` are further items and their values."""
    document = gemmi.cif.Document()
    block = document.add_new_block(re.sub(r"\s+", "_", name) or "structure")
    block.set_pair("_audit_creation_method", gemmi.cif.quote(f"argand {__version__}"))
    values = parameters(structure.lattice) * np.array([1, 1, 1, *[180 / np.pi] * 3])
    names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    for tag, value in zip(names, values, strict=True):
        block.set_pair(f"_cell_{tag}", f"{value:.6f}")
    block.set_pair("_cell_volume", f"{structure.volume:.4f}")
    block.set_pair("_chemical_formula_sum", gemmi.cif.quote(structure.formula))
    block.set_pair("_space_group_name_H-M_alt", gemmi.cif.quote("P 1"))
    for tag, value in (tags or {}).items():
        block.set_pair(tag, gemmi.cif.quote(value))
    block.init_loop("_space_group_symop_", ["operation_xyz"]).add_row(["'x, y, z'"])
    columns = ["label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy"]
    loop = block.init_loop("_atom_site_", columns)
    for number, (symbol, place) in enumerate(zip(structure.symbols, structure.frac_coords, strict=True), 1):
        loop.add_row([f"{symbol}{number}", symbol, *(f"{x:.6f}" for x in place), "1"])
    return document.as_string()


def _cif(path: Path, stem: str, max_atoms: int) -> Iterator[Named]:
    text = _text(path)
    try:
        document = gemmi.cif.read_string(text)
    except (ValueError, RuntimeError) as error:
        raise InputError(f"not a CIF that can be read ({' '.join(str(error).split())})") from error
    blocks = [block for block in document if block.find_values("_atom_site_fract_x")]
    if not blocks:
        raise InputError("there are no atoms in the cell (no _atom_site_fract_x)")
    for block in blocks:
        name = stem if len(blocks) == 1 else f"{stem}-{block.name}"
        try:
            yield name, _from_block(block, max_atoms)
        except InputError as error:
            yield name, InputError(f"{path}: {error}")


def _from_block(block: Any, max_atoms: int) -> Structure:
    if not block.find_values("_atom_site_label"):
        # gemmi finds sites by their labels, which some programs do not write.
        block.find_values("_atom_site_fract_x").get_loop().add_columns(["_atom_site_label"], "?")
    small = gemmi.make_small_structure_from_block(block)
    if not small.sites:
        raise InputError("there are no atoms in the cell")
    if not small.cell.is_crystal() or min(small.cell.parameters) <= 0:
        raise InputError("the lattice has no volume; the cell's lengths and angles are missing or zero")
    for site in small.sites:
        _check_site(site)
    lattice = np.array(small.cell.orth.mat.tolist()).T
    operators = _operators(small)
    # 192 operators are the most that a space group has (F m -3 m), so that no cell that is allowed is
    # refused.
    if len(operators) * len(small.sites) > 192 * max_atoms:
        raise InputError(
            f"{len(small.sites)} sites are beyond the largest supported cell of {max_atoms} atoms"
        )
    species: list[int] = []
    places: list[np.ndarray] = []
    for site in small.sites:
        images = _images(np.array(site.fract.tolist()), operators, lattice)
        places.extend(images)
        species.extend([site.element.atomic_number] * len(images))
    return checked(lattice, np.array(species), np.array(places), max_atoms)


def _check_site(site: Any) -> None:
    """Refuse what has no single known atom on its place."""
    symbol = re.match(r"[A-Za-z]*", site.type_symbol or site.label)
    letters = symbol.group() if symbol else ""
    if site.element.name == "D" or letters.upper() in ("D", "T"):
        raise InputError(f"site {site.label} is deuterium; name it H where isotopes do not matter")
    if site.element.atomic_number == 0:
        raise InputError(f"site {site.label}: no element is called '{letters or site.label}'")
    if site.occ < FULL:
        raise InputError(f"site {site.label} is occupied by {site.occ:g} only; disorder is not supported")
    if site.disorder_group != 0:
        raise InputError(f"site {site.label} belongs to a disordered group; disorder is not supported")


def _operators(small: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rotations and translations of the listed operators, or else of the named group."""
    if small.symops:
        found = [gemmi.Op(text) for text in small.symops]
    elif small.spacegroup is not None:
        found = list(small.spacegroup.operations())
    else:
        named = small.spacegroup_hm or small.spacegroup_hall
        if named:
            raise InputError(f"the space group '{named}' is unknown and no operators are listed")
        found = [gemmi.Op("x,y,z")]
    return [(np.array(op.rot) / op.DEN, np.array(op.tran) / op.DEN) for op in found]


def _images(
    place: np.ndarray, operators: list[tuple[np.ndarray, np.ndarray]], lattice: np.ndarray
) -> list[np.ndarray]:
    """All places of a site, each once, in the order of the operators."""
    kept: list[np.ndarray] = []
    for rotation, translation in operators:
        image = wrapped((rotation @ place + translation)[None])[0]
        apart = np.array(kept).reshape(-1, 3) - image
        apart -= np.round(apart)
        if not (np.linalg.norm(apart @ lattice, axis=1) < _SAME).any():
            kept.append(image)
    return kept


def _with_ase(path: Path, max_atoms: int) -> Iterator[Named]:
    """The structure of a POSCAR, or all of an extended XYZ file."""
    plain = _plain(path)
    kind = "vasp" if _POSCAR.search(plain.name) else "extxyz"
    text = _text(path)
    _ase()
    from ase.io import read

    try:
        frames: Any = read(StringIO(text), index=":", format=kind)
    except KeyError as error:
        raise InputError(f"no element is called {error}") from error
    except Exception as error:  # ase raises whatever a malformed line happens to cause
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"not a {kind} file that can be read ({reason})") from error
    stem = plain.stem if plain.suffix else plain.name
    for number, atoms in enumerate(frames, 1):
        name = stem if len(frames) == 1 else f"{stem}-{number}"
        try:
            yield name, structure_of_atoms(atoms, max_atoms)
        except InputError as error:
            yield name, InputError(f"{path}: {error}")


def _parquet(path: Path, max_atoms: int) -> Iterator[Named]:
    """Rows with the columns lattice (9), species, frac_coords (3 n), named by material_id or name."""
    parquet = _pyarrow_parquet()
    try:
        table = parquet.ParquetFile(path)
    except (OSError, ValueError) as error:
        raise InputError("not a parquet file that can be read") from error
    known = table.schema_arrow.names
    missing = [name for name in _COLUMNS if name not in known]
    if missing:
        raise InputError(f"has no column {', '.join(missing)}")
    label = next((name for name in ("material_id", "name") if name in known), None)
    wanted = [*_COLUMNS, *([label] if label else [])]
    number = 0
    for batch in table.iter_batches(_ROWS, columns=wanted):
        for row in batch.to_pylist():
            name = str(row[label]) if label else f"{path.stem}-{number}"
            number += 1
            yield name, _from_row(name, row, max_atoms)


def _from_row(name: str, row: dict[str, Any], max_atoms: int) -> Structure | InputError:
    try:
        if any(row[column] is None for column in _COLUMNS) or len(row["lattice"]) != 9:
            raise InputError("a lattice of 9 numbers, species and frac_coords are needed")
        if len(row["frac_coords"]) % 3:
            raise InputError(f"{len(row['frac_coords'])} coordinates are not three for each atom")
        columns = (np.array(row[column], float) for column in _COLUMNS)
        lattice, species, frac = columns
        return checked(lattice.reshape(3, 3), species.astype(int), frac.reshape(-1, 3), max_atoms)
    except InputError as error:
        return InputError(f"{name}: {error}")


def _ase() -> Any:
    try:
        import ase
    except ImportError as error:
        raise MissingExtraError("POSCAR and XYZ files need ase: pip install ase") from error
    return ase


def _pyarrow_parquet() -> Any:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("parquet files need pyarrow: pip install pyarrow") from error
    return parquet
