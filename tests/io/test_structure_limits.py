"""Structures that lie about themselves, or cannot be, are refused one by one, soon and in little memory."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from argand.errors import InputError
from argand.io import parquet_file
from argand.io.molecule import read_molecule
from argand.io.structure import read_many, read_structure
from argand.physics.crystal.structure import checked

CUBE = "5 0 0 0 5 0 0 0 5"
CIF = """data_a
_cell_length_a {a}
_cell_length_b {a}
_cell_length_c {a}
_space_group_name_H-M_alt 'P 1'
loop_
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Cu 0 0 0
"""


def reason(path: Path, content: str) -> str:
    """Why the only structure of a file is none, in one line without a request to report it."""
    path.write_text(content)
    ((_, found),) = read_many(path)
    assert isinstance(found, InputError)
    told = str(found)
    assert told.startswith(str(path))
    assert "\n" not in told
    assert "please report" not in told
    return told


def xyz(
    count: str, facts: str = f'Lattice="{CUBE}" Properties=species:S:1:pos:R:3', rows: str = "Cu 0 0 0\n"
):
    return f"{count}\n{facts}\n{rows}"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (xyz("1" + "0" * 100), "not a count of atoms"),
        (xyz("100000000"), "100000000 atoms exceed"),
        (xyz("\u00b2"), "not a count of atoms"),
        (xyz(" " * 100_001 + "1"), "not a count of atoms"),
        (xyz("9" * 5000), "not a count of atoms"),
        (xyz("500"), "500 atoms are announced, but 1 lines follow"),
        (xyz("1", 'Lattice="5 0" ' + "x=1 " * 100_000), "characters"),
        (xyz("1", f'Lattice="{CUBE}" Properties=species:S:1000000000:pos:R:3'), "as many columns"),
        (xyz("1", 'Lattice="1e308 0 0 0 1e308 0 0 0 1e308"'), "exceeds 800"),
        (xyz("1", 'Lattice="nan 0 0 0 5 0 0 0 5"'), "not finite"),
        (xyz("1", rows="Cu nan 0 0\n"), "not a finite number"),
        (xyz("1", rows="Cu 1e300 0 0\n"), "cells away"),
        (xyz("1", rows="Xx 0 0 0\n"), "Xx|atomic number"),
    ],
)
def test_frames_of_xyz_that_lie_are_refused(tmp_path, text, match):
    pytest.importorskip("ase")
    assert re.search(match, reason(tmp_path / "a.xyz", text))


def poscar(
    scale: str = "1", counts: str = "1", vectors: str = "5 0 0\n0 5 0\n0 0 5", place: str = "0 0 0"
) -> str:
    return f"Cu\n{scale}\n{vectors}\nCu\n{counts}\nDirect\n{place}\n"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (poscar(counts="1000000000"), "the counts of atoms are"),
        (poscar(counts="999999999"), "999999999 atoms exceed"),
        (poscar(counts="\u00b2"), "the counts of atoms are"),
        (poscar(scale="1.2.3"), "the scale is"),
        (poscar(scale="nan"), "the scale is"),
        (poscar(scale="1e300"), "exceeds 800"),
        (poscar(vectors="5 0 0\n0 5 0\n0 0 inf"), "not finite"),
        (poscar(place="nan 0 0"), "not a finite number"),
    ],
)
def test_poscars_that_lie_are_refused(tmp_path, text, match):
    assert match in reason(tmp_path / "a.vasp", text)


@pytest.mark.parametrize(
    ("a", "match"),
    [("1e9", "beyond 800"), ("1e308", "beyond 800"), ("inf", "no volume"), ("300", "are atoms missing")],
)
def test_cells_far_too_large_are_refused(tmp_path, a, match):
    assert match in reason(tmp_path / "a.cif", CIF.format(a=a))


def test_a_cell_far_too_small_is_refused(tmp_path):
    assert "no volume" in reason(tmp_path / "a.cif", CIF.format(a="0.001"))
    assert len(read_structure(_written(tmp_path / "b.cif", CIF.format(a="3.6")))) == 1


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_loop_of_millions_of_sites_is_refused_before_it_is_taken_apart(tmp_path, monkeypatch):
    monkeypatch.setattr("argand.io.structure_cif._MOST_ROWS", 100)
    text = CIF.format(a=5) + "Cu 0 0 0\n" * 100
    assert "a loop of 101 rows" in reason(tmp_path / "a.cif", text)
    # Long loops of other things are no hindrance.
    other = CIF.format(a=3.6) + "loop_\n_refln_index_h\n" + "1\n" * 1000
    assert len(read_structure(_written(tmp_path / "b.cif", other))) == 1


def test_thousands_of_blocks_are_read_one_after_the_other(tmp_path):
    text = "".join(CIF.format(a=3.6).replace("data_a", f"data_{number}") for number in range(3000))
    found = list(read_many(_written(tmp_path / "a.cif", text)))
    assert len(found) == 3000
    assert not any(isinstance(one, InputError) for _, one in found)


def test_places_and_lattices_beyond_all_numbers_are_refused():
    for lattice, place in ((np.eye(3) * 5, 1e7), (np.eye(3) * 801, 0.0), (np.full((3, 3), np.inf), 0.0)):
        with pytest.raises(InputError):
            checked(lattice, np.array([29]), np.array([[place, 0, 0]]))


def _parquet(path: Path, **columns) -> Path:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pa.table(columns), path)
    return path


def test_parquet_files_that_declare_too_much_are_refused(tmp_path, monkeypatch):
    path = _parquet(
        tmp_path / "a.parquet",
        lattice=[[5.0, 0, 0, 0, 5, 0, 0, 0, 5]] * 20,
        species=[[29]] * 20,
        frac_coords=[[0.0] * 3] * 20,
    )
    assert len(list(read_many(path))) == 20
    for name, most, match in (
        ("MOST_ROWS", 19, "20 rows"),
        ("MOST_VALUES", 179, "180 values"),
        ("_MOST_BYTES", 9, "bytes"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(parquet_file, name, most)
            ((_, found),) = read_many(path)
            assert isinstance(found, InputError)
            assert match in str(found)


def test_a_row_far_too_long_ends_no_other(tmp_path, monkeypatch):
    monkeypatch.setattr("argand.io.structure_parquet._LONGEST", 2000)
    path = _parquet(
        tmp_path / "a.parquet",
        lattice=[[5.0, 0, 0, 0, 5, 0, 0, 0, 5]] * 2,
        species=[[29] * 900, [29]],
        frac_coords=[[0.0] * 2700, [0.0] * 3],
    )
    (_, long), (_, good) = read_many(path)
    assert isinstance(long, InputError)
    assert "bytes is not a structure" in str(long)
    assert not isinstance(good, InputError)


@pytest.mark.parametrize("content", [b"", b"PAR1" + bytes(40) + b"PAR1", b"junk" * 100])
def test_what_is_no_parquet_file_is_refused(tmp_path, content):
    pytest.importorskip("pyarrow")
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    ((_, found),) = read_many(path)
    assert isinstance(found, InputError)


def test_latents_with_a_damaged_head_are_refused(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    from argand.systems.crystals.database.latents import read_latents

    columns = {"name": ["a"], "source": ["b"], "atoms": [1], "latent": [[1.0, 2.0]]}
    deep = '{"config": ' + "[" * 100_000 + "]" * 100_000 + "}"
    for made in (deep, '{"config": [1]}', "{}", "[]", "x"):
        table = pa.table(columns).replace_schema_metadata({b"argand": made})
        parquet.write_table(table, tmp_path / "a.parquet")
        with pytest.raises(InputError, match="no latents"):
            read_latents(tmp_path / "a.parquet")
    good = pa.table(columns).replace_schema_metadata({b"argand": json.dumps({"config": {}})})
    parquet.write_table(good, tmp_path / "a.parquet")
    ((row,), config) = read_latents(tmp_path / "a.parquet")
    assert (row.latent.tolist(), config) == ([1.0, 2.0], {})
    for name in columns:
        bad = pa.table({**columns, name: [None]}).replace_schema_metadata({b"argand": '{"config": {}}'})
        parquet.write_table(bad, tmp_path / "a.parquet")
        with pytest.raises(InputError, match="no latents"):
            read_latents(tmp_path / "a.parquet")


def test_molecules_of_too_many_atoms_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.pdb"
    row = "ATOM      1  C   LIG A   1       0.000   0.000   0.000  1.00  0.00           C\n"
    path.write_text(row * 3)
    monkeypatch.setattr("argand.io.molecule.MOST_ATOMS", 2)
    with pytest.raises(InputError, match="declares 3 atoms"):
        read_molecule(str(path))


def test_letters_that_are_no_utf8_end_no_molecule(tmp_path):
    path = tmp_path / "a.pdb"
    row = b"ATOM      1  C\xee  LIG A   1       0.000   0.000   0.000  1.00  0.00           C\n"
    path.write_bytes(row)
    assert read_molecule(str(path)).elements == ("C",)
