"""Runs over many structures: one that fails ends no other, and what was stopped goes on to the same end."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import Result

from argand.crew import HERE, Machines
from argand.errors import ConfigError
from argand.io.structure import read_structure, write_structure
from argand.physics.crystal.structure import Structure, checked
from argand.runs.folder import file_stem
from argand.systems.crystals.database.latents import read_latents
from argand.systems.crystals.files.run import encode_files, reconstruct_files
from argand.systems.crystals.models.fourier import FourierModel
from argand.systems.crystals.models.interface import Model
from argand.systems.crystals.models.named import named_model

pytest.importorskip("pyarrow")
MODEL = named_model(numbers=128)


def salt(side: float) -> Structure:
    face = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    return checked(side * face, np.array([11, 17]), np.array([[0.1, 0.1, 0.1], [0.6, 0.6, 0.6]]))


@pytest.fixture
def cifs(tmp_path: Path) -> Path:
    """Six structures; the third is none."""
    folder = tmp_path / "cifs"
    folder.mkdir()
    for number in range(6):
        write_structure(folder / f"{number}.cif", salt(5.5 + 0.1 * number))
    (folder / "2.cif").write_text("data_none\n")
    return folder


class Stopping(FourierModel):
    """Encodes some structures, and is stopped like by Ctrl-C at the next."""

    left = 2

    def verified(self, structure: Structure) -> tuple:
        if not Stopping.left:
            raise KeyboardInterrupt
        Stopping.left -= 1
        return super().verified(structure)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with every structure that is encoded."""
    calls: list[int] = []
    encode = FourierModel.verified

    def counting(self: FourierModel, structure: Structure) -> tuple:
        calls.append(1)
        return encode(self, structure)

    monkeypatch.setattr(FourierModel, "verified", counting)
    return calls


def test_ctrl_c_leaves_what_is_done_to_resume(tmp_path: Path, cifs: Path, monkeypatch: pytest.MonkeyPatch):
    whole, out = tmp_path / "whole.parquet", tmp_path / "out.parquet"
    summary = encode_files([str(cifs)], whole, MODEL, machines=HERE)
    assert (summary["encoded"], summary["skipped_count"]) == (5, 1)
    assert isinstance(MODEL, FourierModel)
    Stopping.left = 2
    with pytest.raises(KeyboardInterrupt):
        encode_files([str(cifs)], out, Stopping(MODEL.representation), machines=HERE)
    assert [row.name for row in read_latents(out)[0]] == ["0", "1"]
    calls = counted(monkeypatch)
    assert encode_files([str(cifs)], out, MODEL, machines=HERE, resume=True)["encoded"] == 5
    assert len(calls) == 3
    assert out.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cifs", "out.parquet", "whole.parquet"]


KILLED = """
import sys, time
from pathlib import Path
from argand.crew import HERE
from argand.systems.crystals.files.run import encode_files
from argand.systems.crystals.models.fourier import FourierModel
from argand.systems.crystals.models.named import named_model

encode = FourierModel.verified
def slow(self, structure):
    time.sleep(0.3)
    return encode(self, structure)
FourierModel.verified = slow
encode_files([sys.argv[1]], Path(sys.argv[2]), named_model(numbers=128), machines=HERE)
"""


def test_a_killed_run_goes_on_to_the_same_file(tmp_path: Path, cifs: Path, monkeypatch: pytest.MonkeyPatch):
    whole, out = tmp_path / "whole.parquet", tmp_path / "out.parquet"
    encode_files([str(cifs)], whole, MODEL, machines=HERE)
    working = tmp_path / "out.parquet.jsonl"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(cifs), str(out)], stderr=subprocess.DEVNULL)
    end = time.monotonic() + 60
    while time.monotonic() < end and not (working.exists() and working.read_bytes().count(b"\n") >= 2):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    with working.open("a") as file:
        file.write('{"name": "cut sho')
    done = working.read_bytes().count(b"\n")
    assert done >= 2
    calls = counted(monkeypatch)
    encode_files([str(cifs)], out, MODEL, machines=HERE, resume=True)
    assert len(calls) == 5 - done
    assert out.read_bytes() == whole.read_bytes()
    assert not working.exists()


def test_what_has_changed_or_is_forced_is_encoded_again(
    tmp_path: Path, cifs: Path, monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "out.parquet"
    encode_files([str(cifs)], out, MODEL, machines=HERE)
    calls = counted(monkeypatch)
    encode_files([str(cifs)], out, MODEL, machines=HERE, resume=True)
    assert len(calls) == 0
    write_structure(cifs / "4.cif", salt(7.0))
    encode_files([str(cifs)], out, MODEL, machines=HERE, resume=True)
    assert len(calls) == 1
    encode_files([str(cifs)], out, MODEL, machines=HERE, force=True)
    assert len(calls) == 6
    for options, why in (({}, "exists"), ({"resume": True}, "another model")):
        with pytest.raises(ConfigError, match=why):
            encode_files([str(cifs)], out, named_model(numbers=256), machines=HERE, **options)
    assert len(calls) == 6


@pytest.mark.slow
def test_several_processes_give_the_same_file(tmp_path: Path, cifs: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("argand.systems.crystals.files.entries._CHUNK", 2)
    for name, processes in (("one", 1), ("two", 2)):
        encode_files([str(cifs)], tmp_path / f"{name}.parquet", MODEL, machines=Machines(processes))
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_a_parquet_file_of_something_else_is_not_overwritten(
    run: Callable[..., Result], tmp_path: Path, cifs: Path
):
    from pyarrow import Table, parquet

    parquet.write_table(Table.from_pylist([{"a": 1}]), tmp_path / "mine.parquet")
    for option, why in (([], "exists"), (["--resume"], "not a file of latents")):
        answer = run("encode", cifs, "-o", tmp_path / "mine.parquet", *option)
        assert answer.exit_code == 1
        assert why in answer.stderr
    assert parquet.read_table(tmp_path / "mine.parquet").to_pylist() == [{"a": 1}]


def test_a_changed_structure_is_rebuilt_again(tmp_path: Path, cifs: Path):
    out = tmp_path / "rebuilt"
    reconstruct_files([str(cifs)], out, MODEL, machines=HERE)
    write_structure(cifs / "4.cif", salt(7.0))
    reconstruct_files([str(cifs)], out, MODEL, machines=HERE, resume=True)
    assert read_structure(out / "4.cif").volume == pytest.approx(salt(7.0).volume, rel=1e-4)


class Broken(FourierModel):
    """Cannot encode one of the structures, for a reason that nobody thought of."""

    def encode(self, structure: Structure) -> np.ndarray:
        if abs(structure.volume - salt(5.6).volume) < 0.1:
            raise AttributeError("nobody thought of it")
        return super().encode(structure)

    def rebuilt(self, structure: Structure, tries: int = 0) -> tuple:
        self.encode(structure)
        return super().rebuilt(structure, tries)


@pytest.mark.parametrize("verb", ["encode", "reconstruct"])
def test_any_error_is_that_of_one_structure(tmp_path: Path, cifs: Path, verb: str):
    assert isinstance(MODEL, FourierModel)
    model: Model = Broken(MODEL.representation)
    if verb == "encode":
        summary = encode_files([str(cifs)], tmp_path / "out.parquet", model, machines=HERE)
    else:
        summary = reconstruct_files([str(cifs)], tmp_path / "out", model, machines=HERE)
    assert summary["skipped_count"] == 2
    reasons = {one["name"]: one["reason"] for one in summary["skipped"]}
    assert "AttributeError: nobody thought of it; please report it" in reasons["1"]
    assert summary.get("encoded", summary.get("written")) == 4


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """Files as the world has them, in a folder with three good ones."""
    folder = tmp_path / "odd"
    folder.mkdir()
    for name in ("a", "b", "x" * 240):
        write_structure(folder / f"{name[:200]}.cif", salt(5.6))
    # The name under which a file is written is longer than the file's.
    (folder / f"{'x' * 200}.cif").rename(folder / f"{'x' * 251}.cif")
    text = (folder / "a.cif").read_text()
    (folder / "number.cif").write_text(
        text.replace("'P 1'", "?").replace("IT_number 1", "IT_number ?")
        + "_symmetry_Int_Tables_number 'many'\n"
    )
    (folder / "operator.cif").write_text(text.replace("1 x,y,z", "1 x,y,z\n2 q,y,z"))
    (folder / "POSCAR").write_text("Silicon\n1\n3 0 0\n0 3 0\n0 0 3\n1\nDirect\n0 0 0\n")
    (folder / "row.parquet").write_bytes(b"PAR1 not at all")
    return folder


@pytest.mark.parametrize("verb", ["encode", "reconstruct"])
def test_odd_files_end_no_run(run: Callable[..., Result], tmp_path: Path, odd: Path, verb: str):
    out = tmp_path / ("out.parquet" if verb == "encode" else "out")
    answer = run(verb, odd, "--out", out, "--numbers", 128, "--processes", 1, "--json")
    summary = json.loads(answer.stdout)
    assert answer.exit_code == 1
    assert summary.get("encoded", summary.get("written")) == 4
    assert {one["name"] for one in summary["skipped"]} == {"operator", "POSCAR", "row"}
    if verb == "reconstruct":
        assert (out / f"{'x' * 200}.cif").exists()


@pytest.mark.parametrize("verb", ["encode", "reconstruct"])
def test_names_that_name_nothing_end_no_run(run: Callable[..., Result], tmp_path: Path, odd: Path, verb: str):
    (tmp_path / "empty").mkdir()
    absent = [tmp_path / "gone.cif", tmp_path / "empty", tmp_path / "*.vasp"]
    names = [absent[0], odd / "a.cif", *absent[1:], odd / "b.cif"]
    out = tmp_path / ("out.parquet" if verb == "encode" else "out")
    answer = run(verb, *names, "--out", out, "--numbers", 128, "--processes", 1, "--json")
    assert answer.exit_code == 1
    summary = json.loads(answer.stdout)
    assert summary.get("encoded", summary.get("written")) == 2
    assert [one["source"] for one in summary["skipped"]] == [str(one) for one in absent]
    assert all("no structures there" in one["reason"] for one in summary["skipped"])


def test_names_that_name_nothing_end_no_search(run: Callable[..., Result], tmp_path: Path, odd: Path):
    among = ("--among", tmp_path / "gone.cif", "--among", odd / "b.cif")
    answer = run("nearest", odd / "a.cif", *among, "--json")
    assert answer.exit_code == 0
    assert "left out" in answer.stderr
    assert len(json.loads(answer.stdout)) == 1


def test_odd_files_end_no_search(run: Callable[..., Result], odd: Path):
    answer = run("nearest", odd / "a.cif", "--among", odd, "--json")
    assert answer.exit_code == 0
    assert len(json.loads(answer.stdout)) == 4


def test_odd_files_end_no_map(run: Callable[..., Result], tmp_path: Path, odd: Path):
    run("reconstruct", odd / "a.cif", "--out", tmp_path / "out", "--processes", 1)
    answer = run("view", tmp_path / "out", "--among", odd)
    assert answer.exit_code == 0
    assert (tmp_path / "out" / "index.html").exists()


@pytest.mark.slow
def test_odd_files_end_no_evaluation(run: Callable[..., Result], odd: Path, monkeypatch: pytest.MonkeyPatch):
    encode = FourierModel.encode
    calls: list[int] = []

    def broken(self: FourierModel, structure: Structure) -> np.ndarray:
        calls.append(1)
        if len(calls) == 2:
            raise AttributeError("nobody thought of it")
        return encode(self, structure)

    monkeypatch.setattr(FourierModel, "encode", broken)
    answer = run("evaluate", "best", odd, "--json")
    assert answer.exit_code == 0
    (row,) = json.loads(answer.stdout)["rows"]
    assert (row["structures"], row["all_right"], row["recall"]) == (4, 0.75, 0.75)


def test_rows_that_are_no_structures_end_no_index(run: Callable[..., Result], tmp_path: Path):
    from pyarrow import Table, parquet

    given = {
        "lattice": salt(5.6).lattice.ravel().tolist(),
        "species": [11, 17],
        "frac_coords": [0.1, 0.1, 0.1, 0.6, 0.6, 0.6],
    }
    bad = [
        {"lattice": None},
        {"lattice": [1.0, 2.0]},
        {"lattice": [1.0] * 9},
        {"species": [11, 0]},
        {"species": []},
        {"frac_coords": [0.1, None, 0.1, 0.6, 0.6, 0.6]},
    ]
    rows = [given, *({**given, **one} for one in bad), given]
    parquet.write_table(Table.from_pylist(rows), tmp_path / "pool.parquet")
    answer = run("index", tmp_path / "pool.parquet", "--out", tmp_path / "known", "--json")
    assert answer.exit_code == 0
    assert json.loads(answer.stdout)["indexed"] == 2
    parquet.write_table(Table.from_pylist([{**given, "species": ["Na", "Cl"]}]), tmp_path / "text.parquet")
    answer = run("index", tmp_path / "text.parquet", "--out", tmp_path / "of-text")
    assert answer.exit_code == 1
    assert "species is a column of list" in answer.stderr


def test_names_fit_into_file_systems_and_stay_apart(tmp_path: Path):
    from pyarrow import Table, parquet

    given = {"lattice": salt(5.6).lattice.ravel().tolist(), "species": [11, 17]}
    given["frac_coords"] = [0.1, 0.1, 0.1, 0.6, 0.6, 0.6]
    names = ["ä" * 300, "ä" * 300 + "b", "a/b", "a\nb", "", "..", "a_b"]
    rows = [{**given, "name": name} for name in names]
    parquet.write_table(Table.from_pylist(rows), tmp_path / "rows.parquet")
    summary = reconstruct_files([str(tmp_path / "rows.parquet")], tmp_path / "out", MODEL, machines=HERE)
    files = [one["file"] for one in summary["structures"]]
    assert len(set(files)) == len(names)
    assert all(len(file.encode()) <= 255 and (tmp_path / "out" / file).exists() for file in files)
    assert file_stem("\udcff" + "é" * 120) == "?" + "é" * 99


def test_notes_are_kept_and_shown(run: Callable[..., Result], tmp_path: Path):
    text = "data_a\n" + "".join(f"_cell_length_{axis} 3.567\n" for axis in "abc")
    text += "_symmetry_Int_Tables_number 227\n_chemical_formula_sum C\n_cell_formula_units_Z 8\nloop_\n"
    text += (
        "".join(f"_atom_site_{one}\n" for one in ("label", "fract_x", "fract_y", "fract_z")) + "C1 0 0 0\n"
    )
    (tmp_path / "diamond.cif").write_text(text)
    for verb in ("encode", "reconstruct"):
        out = tmp_path / verb
        answer = run(verb, tmp_path / "diamond.cif", "--out", out, "--processes", 1)
        assert answer.exit_code == 0
        assert "number 227 alone; the setting F d -3 m:1 is taken" in answer.stdout
    summary = json.loads((tmp_path / "reconstruct" / "summary.json").read_text())
    assert summary["structures"][0]["atoms"] == 8
    assert "F d -3 m:1 is taken" in summary["structures"][0]["notes"][0]
