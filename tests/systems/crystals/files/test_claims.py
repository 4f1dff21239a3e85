"""A second run never mixes its results with those of the first, and no input is replaced."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

EXAMPLES = Path(__file__).parents[4] / "examples/data/crystals"
FIRST, SECOND = EXAMPLES / "SrTiO3_mp-5229.cif", EXAMPLES / "PbTiO3_mp-20459.cif"


def files(folder: Path) -> set[str]:
    """Names of what lies in a folder, but for hidden files."""
    return {str(path.relative_to(folder)) for path in folder.rglob("[!.]*")}


def test_a_shorter_interpolation_leaves_no_old_step(run: Callable[..., Result], tmp_path: Path):
    out = tmp_path / "path"
    assert run("interpolate", FIRST, SECOND, "--steps", 9, "-o", out, "--accept-untrusted").exit_code == 0
    (out / "notes.txt").write_text("mine")
    before = files(out)
    refused = run("interpolate", FIRST, SECOND, "--steps", 3, "-o", out)
    assert refused.exit_code == 1
    assert "--force replaces it" in refused.stderr
    assert "--resume" not in refused.stderr
    assert files(out) == before
    assert run("interpolate", FIRST, SECOND, "--steps", 3, "-o", out, "--force").exit_code == 3
    steps = {f"step-0{number}.cif" for number in (1, 2, 3)}
    assert files(out) == {*steps, "summary.json", "index.html", "notes.txt"}


def test_fewer_samples_leave_no_old_ones_and_more_continue(run: Callable[..., Result], tmp_path: Path):
    out = tmp_path / "samples"
    assert run("sample", "--count", 5, "-o", out).exit_code == 0
    for words, said in (((), "holds results"), (("--resume",), "holds 5 samples; give --count 5")):
        refused = run("sample", "--count", 3, "-o", out, *words)
        assert refused.exit_code == 1
        assert said in refused.stderr
    first = (out / "sample-0005.cif").read_text()
    assert run("sample", "--count", 6, "-o", out, "--resume").exit_code == 0
    assert (out / "sample-0005.cif").read_text() == first
    assert run("sample", "--count", 3, "-o", out, "--force").exit_code == 0
    assert {name for name in files(out) if name.endswith(".cif")} == {f"sample-000{k}.cif" for k in (1, 2, 3)}
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "<title>3 structures generated</title>" in page
    assert "sample --count 3" in page


def test_inputs_are_never_replaced(run: Callable[..., Result], tmp_path: Path):
    folder = tmp_path / "cifs"
    folder.mkdir()
    for one in (FIRST, SECOND):
        shutil.copy(one, folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    one, two = sorted(before)
    (tmp_path / "link").symlink_to(folder)
    for words in (
        ("reconstruct", folder, "-o", folder),
        ("reconstruct", folder, "-o", tmp_path / "link"),
        ("reconstruct", folder, "-o", tmp_path),
        ("interpolate", one, two, "-o", folder),
        ("alter", one, "--strain", 0.01, "-o", folder),
        ("encode", one, "-o", one),
        ("evaluate", "samples", folder, "-o", folder),
    ):
        for extra in ((), ("--force",)):
            answer = run(*words, *extra)
            assert answer.exit_code == 1, words
            assert "never replaced" in answer.stderr, answer.stderr
            assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_file_of_the_user_is_in_the_way_of_its_structure_alone(run: Callable[..., Result], tmp_path: Path):
    out = tmp_path / "out"
    out.mkdir()
    (out / FIRST.name).write_text("mine")
    answer = run("reconstruct", FIRST, SECOND, "-o", out)
    assert answer.exit_code == 1
    assert "not written by argand" in answer.stderr
    assert (out / FIRST.name).read_text() == "mine"
    assert (out / SECOND.name).exists()


def test_a_resumed_run_keeps_answers_for_other_files(run: Callable[..., Result], tmp_path: Path):
    """Under names of their own, even where files of two folders have one name."""
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(SECOND, other / FIRST.name)
    for verb in ("reconstruct", "encode"):
        out = tmp_path / ("out" if verb == "reconstruct" else "latents.parquet")
        assert run(verb, FIRST, "-o", out).exit_code == 0
        assert run(verb, other, "-o", out, "--resume").exit_code == 0
        assert run(verb, FIRST, "-o", out).exit_code == 1
    names = {FIRST.stem, f"{FIRST.stem}-2"}
    assert {name.removesuffix(".cif") for name in files(tmp_path / "out") if name.endswith(".cif")} == names
    assert run("decode", tmp_path / "latents.parquet", "-o", tmp_path / "decoded").exit_code == 0
    decoded = {name.removesuffix(".cif") for name in files(tmp_path / "decoded") if name.endswith(".cif")}
    assert decoded == names


@pytest.mark.parametrize("verb", ["simulate", "index"])
def test_data_sets_and_indices_are_refused_too(run: Callable[..., Result], tmp_path: Path, verb: str):
    if verb == "simulate":
        out, words = tmp_path / "set.h5", ("simulate", "tiny", "--count", 2, "--processes", 1)
    else:
        pq = pytest.importorskip("pyarrow.parquet")
        arrow = pytest.importorskip("pyarrow")
        row = {"lattice": [4.0, 0, 0, 0, 4, 0, 0, 0, 4], "species": [11]}
        table = arrow.Table.from_pylist([{**row, "frac_coords": [0.0, 0.0, 0.0]}] * 2)
        pq.write_table(table, tmp_path / "pool.parquet")
        out, words = tmp_path / "known", ("index", tmp_path / "pool.parquet")
    assert run(*words, "--out", out).exit_code == 0
    refused = run(*words, "--out", out)
    assert refused.exit_code == 1
    assert "--force replaces it" in refused.stderr
    assert run(*words, "--out", out, "--force").exit_code == 0
