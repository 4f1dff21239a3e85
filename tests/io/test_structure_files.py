"""POSCAR, extended XYZ and parquet files as the world has them: what is read, and that one ends no other."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from argand.errors import InputError
from argand.io.structure import is_structure_file, read_many, read_structure, write_structure
from argand.physics.crystal.structure import Structure

PLACES = "0 0 0\n.5 .5 .5\n.25 .25 .25\n"
POSCAR = "a title\n{scale}\n3 0 0\n0 4 0\n0 0 5\n{elements}1 2\n{kind}\n{places}"
USUAL = {"scale": "1.0", "elements": "Na Cl\n", "kind": "Direct", "places": PLACES}


def poscar(path: Path, **changes: str) -> Structure:
    path.write_text(POSCAR.format(**{**USUAL, **changes}))
    return read_structure(path)


@pytest.mark.parametrize(
    ("changes", "volume"),
    [
        ({}, 60.0),
        ({"scale": "2.0"}, 480.0),
        ({"scale": "-120"}, 120.0),
        ({"scale": "1 2 3"}, 360.0),
        ({"scale": "1.0 ! Å", "elements": "Na Cl ! elements\n"}, 60.0),
        ({"kind": "Selective dynamics\nDirect", "places": PLACES.replace("\n", " T T F\n")}, 60.0),
        ({"kind": "cartesian", "places": "0 0 0\n1.5 2 2.5\n.75 1 1.25\n"}, 60.0),
        ({"kind": "K", "scale": "2", "places": "0 0 0\n1.5 2 2.5\n.75 1 1.25\n"}, 480.0),
        ({"places": PLACES + "\n0.1 .1 .1\n.1 .1 .1\n.1 .1 .1\n"}, 60.0),
        ({"elements": "Na_pv/6a2f546d Cl\n"}, 60.0),
    ],
)
def test_every_kind_of_poscar_is_the_same_crystal(tmp_path: Path, changes: dict[str, str], volume: float):
    found = poscar(tmp_path / "POSCAR", **changes)
    assert found.symbols == ["Na", "Cl", "Cl"]
    assert found.volume == pytest.approx(volume)
    np.testing.assert_allclose(found.frac_coords, [[0, 0, 0], [0.5] * 3, [0.25] * 3], atol=1e-12)


def test_a_title_of_just_the_symbols_names_the_elements_of_vasp_4(tmp_path: Path):
    (tmp_path / "POSCAR").write_text(POSCAR.format(**{**USUAL, "elements": ""}).replace("a title", "Na Cl"))
    assert read_structure(tmp_path / "POSCAR").symbols == ["Na", "Cl", "Cl"]


@pytest.mark.parametrize("title", ["NaCl2", "Silicon nitride", "Na Cl from the web", "na cl", "Na", ""])
def test_no_elements_are_made_of_the_letters_of_a_title(tmp_path: Path, title: str):
    (tmp_path / "POSCAR").write_text(POSCAR.format(**{**USUAL, "elements": ""}).replace("a title", title))
    with pytest.raises(InputError, match="names no elements"):
        read_structure(tmp_path / "POSCAR")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"elements": "Na Cl Br\n"}, "3 elements are named, but 2 counts"),
        ({"elements": "Na Xy\n"}, "unknown element 'Xy'"),
        ({"elements": "Na D\n"}, "unknown element 'D'"),
        ({"places": "0 0 0\n"}, "3 atoms are announced, but 1 positions follow"),
        ({"places": "0 0 0\n.5 .5\n.2 .2 .2\n"}, "position of an atom is '.5 .5'"),
        ({"scale": "1 -2 3"}, "must all be positive"),
        ({"scale": "one"}, "the scale is 'one'"),
    ],
)
def test_a_bad_poscar_is_refused_in_one_line(tmp_path: Path, changes: dict[str, str], words: str):
    with pytest.raises(InputError, match=words) as caught:
        poscar(tmp_path / "POSCAR", **changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["POSCAR", "CONTCAR_2", "POSCAR.mp-149", "a.VASP", "a.vasp.gz", "POSCAR.gz"])
def test_a_poscar_is_known_by_its_name(tmp_path: Path, name: str):
    content = POSCAR.format(**USUAL).replace("\n", "\r\n").encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert is_structure_file(tmp_path / name)
    ((called, found),) = read_many(tmp_path / name)
    assert isinstance(found, Structure)
    assert called == {"a.VASP": "a", "a.vasp.gz": "a", "POSCAR.gz": "POSCAR"}.get(name, name)


FRAME = '1\nLattice="3 0 0 0 3 0 0 0 {c}" Properties=species:S:1:pos:R:3 pbc="{pbc}"\nCu 0 0 0\n'


def test_a_slab_is_read_as_a_crystal_and_told(tmp_path: Path):
    pytest.importorskip("ase")
    (tmp_path / "slab.EXTXYZ").write_text(FRAME.format(c=20, pbc="T T F"))
    notes: list[str] = []
    ((_, found),) = read_many(tmp_path / "slab.EXTXYZ", tell=notes.append)
    assert isinstance(found, Structure)
    assert "not periodic along c by its pbc" in notes[0]


def test_a_bad_frame_ends_no_other(tmp_path: Path):
    pytest.importorskip("ase")
    good = FRAME.format(c=3, pbc="T T T")
    (tmp_path / "a.xyz").write_text(good + good.replace("Cu 0", "Cu zero") + good + "\nwhat is this\n" + good)
    found = [isinstance(one, Structure) for _, one in read_many(tmp_path / "a.xyz")]
    assert found == [True, False, True, False]


def test_an_xyz_file_is_not_taken_for_a_poscar_by_its_first_letters(tmp_path: Path):
    pytest.importorskip("ase")
    (tmp_path / "POSCAR_1.xyz").write_text(FRAME.format(c=3, pbc="T T T"))
    assert read_structure(tmp_path / "POSCAR_1.xyz").formula == "Cu"


GOOD: dict[str, Any] = {
    "lattice": [3.0, 0, 0, 0, 4.0, 0, 0, 0, 5.0],
    "species": [11, 17],
    "frac_coords": [0, 0, 0, 0.5, 0.5, 0.5],
}


def test_a_bad_row_ends_no_other(tmp_path: Path):
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    bad = {
        "no lattice": {"lattice": None},
        "null": {"frac_coords": [0, 0, 0, 0.5, None, 0.5]},
        "short": {"lattice": [3.0] * 8},
        "ragged": {"frac_coords": [0, 0, 0, 0.5]},
        "more": {"species": [11, 17, 17]},
        "empty": {"species": [], "frac_coords": []},
        "unknown element": {"species": [11, 400]},
        "negative": {"species": [11, -17]},
        "flat": {"lattice": [3.0, 0, 0, 3.0, 0, 0, 0, 0, 5.0]},
        "infinite": {"lattice": [float("inf"), 0, 0, 0, 4.0, 0, 0, 0, 5.0]},
    }
    rows = [{**GOOD, "name": "first"}, *({**GOOD, **one, "name": name} for name, one in bad.items())]
    rows += [{**GOOD, "name": None}]
    parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    found = list(read_many(tmp_path / "a.parquet"))
    assert [name for name, _ in found] == ["first", *bad, "a-11"]
    assert [isinstance(one, Structure) for _, one in found] == [True, *[False] * len(bad), True]
    assert all("report" not in str(one) for _, one in found)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("species", ["Na", "Cl"], "species contains a value that is not a number"),
        ("species", [11.5, 17.0], "atomic numbers, which are integers"),
        ("lattice", "3 0 0 0 4 0 0 0 5", "lattice contains a value that is not a number"),
        ("lattice", 3.0, "1 numbers are not a lattice"),
        ("frac_coords", [[0.0, 0, 0], [0.5]], "of different lengths"),
    ],
)
def test_columns_of_another_kind_are_told(tmp_path: Path, column: str, value: object, words: str):
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(arrow.Table.from_pylist([{**GOOD, column: value}]), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=words):
        read_structure(tmp_path / "a.parquet")


def test_lists_of_lists_are_read(tmp_path: Path):
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    row = {**GOOD, "lattice": [[3.0, 0, 0], [0, 4.0, 0], [0, 0, 5.0]], "frac_coords": [[0.0] * 3, [0.5] * 3]}
    parquet.write_table(arrow.Table.from_pylist([row]), tmp_path / "a.PARQUET")
    assert read_structure(tmp_path / "a.PARQUET").volume == pytest.approx(60)


@pytest.mark.parametrize("name", ["a.cif.gz", "a.parquet", "a.txt"])
def test_nothing_is_written_under_an_ending_of_another_kind(tmp_path: Path, name: str):
    with pytest.raises(InputError, match="written as CIF, POSCAR or XYZ"):
        write_structure(tmp_path / name, poscar(tmp_path / "POSCAR"))
    assert not (tmp_path / name).exists()


def test_an_error_that_nobody_thought_of_is_that_of_one_structure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    poscar(tmp_path / "POSCAR")

    def broken(text: str, max_atoms: int) -> Structure:
        raise TypeError("nobody\nthought of it")

    monkeypatch.setattr("argand.io.structure.structure_of_poscar", broken)
    ((_, found),) = read_many(tmp_path / "POSCAR")
    assert str(found).endswith("TypeError: nobody thought of it; please report it with this file")
