"""Measured intensities from SHELX HKLF 4, CIF or .fcf, and MTZ files, plain or gzipped.

What a file says of cell, symmetry, formula and wavelength comes along; the .ins or .res beside an .hkl file
is read too.
"""

import gzip
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
from jaxtyping import Bool, Float

from argand.errors import InputError
from argand.io.shelx import Instructions, read_instructions
from argand.physics.crystal.atom import Radiation
from argand.physics.crystal.symmetry import Group
from argand.typing import Miller

CellParameters = tuple[float, float, float, float, float, float]
"""a, b, c in Å and α, β, γ in degrees."""
_FEWEST = 5
"""Reflections that a file has at least; by hand: fewer are a file that was cut short."""
_MISSING = (".", "?", "")
_PLACEHOLDER_COUNT, _PLACEHOLDER_SHARE = 10, 0.01
"""Least number of equal values, and share of all, that are taken for marks; by hand, not measured."""
_PLACEHOLDER_BELOW = -2.0
"""Standard deviations below 0 from which an intensity may be a mark.

By hand: true intensities are 0 or more, and so many equal ones below -2 σ are no measurement.
"""
_LONGEST_ELECTRON_WAVE = 0.1
"""In Å: electrons of 15 kV; X-rays in use are longer.

h / √(2 m e U (1 + e U / 2 m c²)) is 0.0994 Å at 15 kV. X-rays of 0.1 Å have 124 keV.
"""


@dataclass(frozen=True)
class MeasuredIntensities:
    """Intensities as a file lists them, and what it says of the crystal.

    `spacegroup` is a Hermann-Mauguin or Hall symbol; `group` is set where operators are given instead.
    `elements` are those that a file names without their counts; `units` are the formulas in the cell (Z).
    """

    source: str
    hkl: Miller
    intensity: Float[np.ndarray, " n"]
    sigma: Float[np.ndarray, " n"]
    cell: CellParameters | None = None
    spacegroup: str | None = None
    group: Group | None = None
    formula: str | None = None
    wavelength: float | None = None
    radiation: Radiation | None = None
    notes: tuple[str, ...] = field(default=())
    elements: tuple[str, ...] = ()
    units: float | None = None


def read_reflections(path: str | Path) -> MeasuredIntensities:
    """Measured intensities of an .hkl, .cif, .fcf or .mtz file; InputError where there are none to use."""
    path = Path(path)
    name = path.name.lower().removesuffix(".gz")
    blob = _bytes(path)
    try:
        if name.endswith(".mtz"):
            measured = _from_mtz(path, blob)
        elif name.endswith((".cif", ".fcf")) or blob.lstrip()[:5].lower() == b"data_":
            measured = _from_cif(path, blob.decode("latin-1"))
        else:
            measured = _from_hkl(path, blob.decode("latin-1"))
    except (ValueError, RuntimeError, IndexError) as error:
        raise InputError(f"{path}: cannot be read ({error}); is the file whole?") from error
    return _checked(measured)


def parse_hklf4(text: str, source: str) -> tuple[Miller, np.ndarray, np.ndarray, tuple[str, ...]]:
    """Indices, F², sigma and notes from HKLF 4 lines (3I4, 2F8.2) up to the line 0 0 0 or an empty one.

    Raises InputError for a line that is none.
    """
    rows, ended = [], False
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line[:12].split() == ["0", "0", "0"]:
            ended = True
            break
        rows.append(_hklf4_line(line, f"{source}: line {number}"))
    notes = () if ended else ("no 0 0 0 line at the end of the reflections: is the file whole?",)
    values = np.array(rows, float).reshape(-1, 5)
    return values[:, :3].astype(int), values[:, 3], values[:, 4], notes


def _hklf4_line(line: str, where: str) -> tuple[float, ...]:
    """h, k, l, F² and sigma of a line, in fixed columns or else parted by blanks."""
    fixed = (line[0:4], line[4:8], line[8:12], line[12:20], line[20:28])
    for fields in (fixed, line.split()[:5]):
        try:
            values = tuple(float(part) for part in fields)
        except ValueError:
            continue
        if len(values) == 5 and all(value == int(value) for value in values[:3]):
            return values
    raise InputError(f"{where} is no reflection ('{line.strip()[:30]}'): cut short, or no HKLF 4 file")


def _bytes(path: Path) -> bytes:
    try:
        blob = path.read_bytes()
        return gzip.decompress(blob) if blob[:2] == b"\x1f\x8b" else blob
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read ({error}); is the file there and whole?") from error


def _from_hkl(path: Path, text: str) -> MeasuredIntensities:
    hkl, intensity, sigma, notes = parse_hklf4(text, str(path))
    measured = MeasuredIntensities(str(path), hkl, intensity, sigma, notes=notes)
    stem = path.name.removesuffix(".gz").rsplit(".", 1)[0]
    for suffix in (".ins", ".res"):
        beside = path.with_name(stem + suffix)
        if beside.exists():
            return _with_instructions(measured, read_instructions(beside.read_text("latin-1")))
    return measured


def _with_instructions(measured: MeasuredIntensities, found: Instructions) -> MeasuredIntensities:
    return replace(
        measured,
        cell=found.cell,
        group=found.group,
        formula=found.formula,
        wavelength=found.wavelength,
        radiation=_radiation(None, found.wavelength),
    )


def _from_cif(path: Path, text: str) -> MeasuredIntensities:
    document = gemmi.cif.read_string(text)
    if len(document) == 0:
        raise InputError(f"{path}: holds no data block")
    blocks = [block for block in document if _has_reflections(block)]
    block = blocks[0] if blocks else document[0]
    hkl, intensity, sigma, notes = _cif_reflections(path, block)
    structure = gemmi.make_small_structure_from_block(block)
    cell = structure.cell if structure.cell.is_crystal() else None
    wavelength = _number(_value(block, ("_diffrn_radiation_wavelength",)))
    probe = _value(block, ("_diffrn_radiation_probe", "_diffrn_radiation_type"))
    symbols = ("_space_group_name_Hall", "_symmetry_space_group_name_Hall")
    symbols += ("_space_group_name_H-M_alt", "_symmetry_space_group_name_H-M")
    operators = [gemmi.Op(op.strip("'\"")) for op in _operators(block)]
    group = (
        Group.from_operations(gemmi.GroupOps(operators), _value(block, symbols[2:]) or "")
        if operators
        else None
    )
    return MeasuredIntensities(
        str(path),
        hkl,
        intensity,
        sigma,
        None if cell is None else (cell.a, cell.b, cell.c, cell.alpha, cell.beta, cell.gamma),
        _value(block, symbols),
        group,
        _value(block, ("_chemical_formula_sum",)),
        wavelength,
        _radiation(probe, wavelength),
        notes,
    )


def _radiation(probe: str | None, wavelength: float | None) -> Radiation | None:
    """What a probe's name, or else a wavelength in Å, tells of the radiation."""
    if probe is not None and "electron" in probe.lower():
        return "electron"
    if wavelength is None:
        return None
    return "electron" if 0 < wavelength < _LONGEST_ELECTRON_WAVE else "xray"


def _has_reflections(block: Any) -> bool:
    loops = ("_refln_index_h", "_refln.index_h", "_diffrn_refln_index_h")
    return (
        any(len(block.find_values(tag)) for tag in loops) or block.find_value("_shelx_hkl_file") is not None
    )


def _cif_reflections(path: Path, block: Any) -> tuple[Miller, np.ndarray, np.ndarray, tuple[str, ...]]:
    """Reflections of an embedded HKLF 4 text or of a loop."""
    embedded = block.find_value("_shelx_hkl_file")
    if embedded is not None:
        return parse_hklf4(gemmi.cif.as_string(embedded).lstrip("\n"), f"{path}, _shelx_hkl_file")
    for prefix, squared, plain in (
        ("_refln_", ("F_squared_meas", "F_squared_sigma"), ("F_meas", "F_sigma")),
        ("_refln.", ("F_squared_meas", "F_squared_sigma"), ("F_meas_au", "F_meas_sigma_au")),
        ("_diffrn_refln_", ("intensity_net", "intensity_u"), ("intensity_net", "intensity_sigma")),
        ("_refln_", ("intensity_meas", "intensity_sigma"), ("F_meas", "F_meas_sigma")),
        ("_refln.", ("intensity_meas", "intensity_sigma"), ("F_meas", "F_meas_sigma")),
    ):
        index = ["index_h", "index_k", "index_l"]
        for columns, is_squared in ((squared, True), (plain, columns_are_intensities(plain))):
            table = block.find(prefix, [*index, *columns])
            if len(table):
                return _table_values([list(row) for row in table], is_squared)
    raise InputError(f"{path}: holds no measured intensities; give the .hkl or .fcf file")


def columns_are_intensities(columns: tuple[str, str]) -> bool:
    """Whether columns hold F² or counts, and not F."""
    return columns[0].startswith("intensity")


def _table_values(
    rows: list[list[str]], is_squared: bool
) -> tuple[Miller, np.ndarray, np.ndarray, tuple[str, ...]]:
    kept = [row for row in rows if not any(cell in _MISSING for cell in row[:4])]
    hkl = np.array([[int(cell) for cell in row[:3]] for row in kept]).reshape(-1, 3)
    value = np.array([gemmi.cif.as_number(row[3]) for row in kept], float)
    sigma = np.array([gemmi.cif.as_number(row[4]) for row in kept], float)
    notes = (
        () if len(kept) == len(rows) else (f"{len(rows) - len(kept)} reflections without a value left out",)
    )
    if is_squared:
        return hkl, value, sigma, notes
    # F² keeps the sign that F may have, and its sigma follows from dF² = 2 F dF; likewise for MTZ below.
    return hkl, value * np.abs(value), 2 * np.abs(value) * sigma, notes


def _operators(block: Any) -> list[str]:
    for tag in ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz"):
        found = list(block.find_values(tag))
        if found:
            return found
    return []


def _value(block: Any, tags: tuple[str, ...]) -> str | None:
    for tag in tags:
        found = block.find_value(tag)
        if found is not None and gemmi.cif.as_string(found) not in _MISSING:
            return gemmi.cif.as_string(found)
    return None


def _number(text: str | None) -> float | None:
    value = float("nan") if text is None else float(gemmi.cif.as_number(text))
    return None if np.isnan(value) else value


def _from_mtz(path: Path, blob: bytes) -> MeasuredIntensities:
    if blob[:4] != b"MTZ ":
        raise InputError(f"{path}: is no MTZ file")
    mtz = gemmi.read_mtz_file(str(path))
    data = np.array(mtz, copy=True)
    # Reversed, so that of several columns of a kind the first is taken.
    kinds: Mapping[str, int] = {column.type: i for i, column in reversed(list(enumerate(mtz.columns)))}
    which = next((kind for kind in "JFG" if kind in kinds), None)
    if which is None:
        raise InputError(f"{path}: has no column of intensities (J) or amplitudes (F)")
    column = kinds[which]
    value, sigma = data[:, column].astype(float), data[:, column + 1].astype(float)
    if mtz.columns[column + 1].type not in "QML":
        # By hand: without a column of sigmas all are 2 % of the mean, which weighs reflections alike.
        sigma = np.full(len(value), 0.02 * float(np.nanmean(np.abs(value))))
    keep = np.isfinite(value) & np.isfinite(sigma)
    hkl, value, sigma = data[keep, :3].astype(int), value[keep], sigma[keep]
    if which != "J":
        value, sigma = value * np.abs(value), 2 * np.abs(value) * sigma
    c = mtz.cell
    group = (
        None
        if mtz.spacegroup is None
        else Group.from_operations(mtz.spacegroup.operations(), mtz.spacegroup.xhm())
    )
    name = None if mtz.spacegroup is None else mtz.spacegroup.xhm()
    return MeasuredIntensities(
        str(path), hkl, value, sigma, (c.a, c.b, c.c, c.alpha, c.beta, c.gamma), name, group
    )


def _checked(measured: MeasuredIntensities) -> MeasuredIntensities:
    """The reflections whose numbers are of use; InputError where too few are."""
    good = np.isfinite(measured.intensity) & np.isfinite(measured.sigma) & (measured.hkl != 0).any(1)
    if good.sum() < _FEWEST:
        raise InputError(f"{measured.source}: only {good.sum()} reflections can be read; is the file whole?")
    if not (measured.intensity[good] > 0).any():
        raise InputError(f"{measured.source}: no intensity is above zero; are the columns in place?")
    # By hand: pure noise about 0 has a half.
    if (measured.intensity[good] < 0).mean() > 0.5:
        raise InputError(f"{measured.source}: most intensities are negative; are the columns in place?")
    placeholder = good & _placeholders(measured.intensity, measured.sigma)
    notes = measured.notes
    if placeholder.any():
        value = measured.intensity[placeholder][0]
        notes += (f"{placeholder.sum()} reflections of one value ({value:g}) taken for not measured",)
    kept = good & ~placeholder
    return replace(
        measured,
        hkl=measured.hkl[kept],
        intensity=measured.intensity[kept],
        sigma=measured.sigma[kept],
        notes=notes,
    )


def _placeholders(
    intensity: Float[np.ndarray, " n"], sigma: Float[np.ndarray, " n"]
) -> Bool[np.ndarray, " n"]:
    """Reflections that share one far negative intensity and its sigma, as some programs mark missing ones."""
    pairs = np.column_stack([intensity, sigma])
    _, which, count = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    fewest = max(_PLACEHOLDER_COUNT, _PLACEHOLDER_SHARE * len(intensity))
    return (count[which.ravel()] >= fewest) & (intensity < _PLACEHOLDER_BELOW * sigma)


def parse_cell(text: str) -> CellParameters:
    """Six numbers parted by commas or blanks, as `5.9,12.3,5.8,90,90,90`; InputError otherwise."""
    try:
        a, b, c, alpha, beta, gamma = (float(part) for part in re.split(r"[,\s]+", text.strip()))
    except ValueError as error:
        raise InputError(f"'{text}' is no cell; write a,b,c,alpha,beta,gamma in Å and degrees") from error
    # By hand: numbers beyond these are in nm or radians, or out of order.
    if min(a, b, c) < 1 or not all(20 < angle < 160 for angle in (alpha, beta, gamma)):
        raise InputError(f"'{text}' is no cell; write a,b,c,alpha,beta,gamma in Å and degrees")
    return a, b, c, alpha, beta, gamma
