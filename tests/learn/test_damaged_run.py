"""A folder of a training that was damaged is told in one line, and nothing in it is lost."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from test_train import run

from argand.errors import ArgandError, ConfigError, InputError
from argand.io.weights import read_header
from argand.learn.checkpoint import load_checkpoint, save_checkpoint
from argand.learn.log import read_log

Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four steps."""
    folder = tmp_path_factory.mktemp("trained")
    run(folder, max_steps=4)
    return folder


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    """A copy of that run."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 4096,
        b"\x80\x02}q\x00.",
        b"PK\x03\x04" + bytes(range(256)) * 8,
        b"{'a': 1}\n",
        b"\x80\x05\x95" + b"\xff" * 64,
        b"ccollections\nOrderedDict\n.",
        b"(" * 100_000,
    ],
)
def test_a_checkpoint_of_any_other_bytes_is_damaged(folder: Path, content: bytes):
    (folder / "last.ckpt").write_bytes(content)
    with pytest.raises(InputError, match=r"last\.ckpt: (damaged|not a) checkpoint.*; choose another folder"):
        run(folder, resume=True)
    assert (folder / "last.ckpt").read_bytes() == content


@pytest.mark.parametrize("share", [0.1, 0.5, 0.999])
def test_a_checkpoint_that_was_cut_off_is_damaged(folder: Path, share: float):
    content = (folder / "last.ckpt").read_bytes()
    (folder / "last.ckpt").write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=r"last\.ckpt: damaged checkpoint"):
        run(folder, resume=True)


def spoil(saved: dict[str, Any], key: str) -> None:
    first = next(iter(saved[key].values()))
    first.view(-1)[0] = float("nan")


CHANGES: dict[str, Change] = {
    "no step": lambda saved: saved.pop("step"),
    "step of text": lambda saved: saved.update(step="4"),
    "negative step": lambda saved: saved.update(step=-1),
    "endless": lambda saved: saved.update(seconds=float("inf")),
    "no time": lambda saved: saved.update(seconds=float("nan")),
    "settings that are no JSON": lambda saved: saved.update(identity="{"),
    "settings that nest": lambda saved: saved.update(identity="[" * 100_000),
    "settings of another kind": lambda saved: saved.update(identity="[1]"),
    "no settings": lambda saved: saved.update(identity="{}"),
    "best of another kind": lambda saved: saved.update(best={"metric": "error"}),
    "best that is no number": lambda saved: saved["best"].update(value=float("nan")),
    "network of another kind": lambda saved: saved.update(network=[1]),
    "weights that are not finite": lambda saved: spoil(saved, "network"),
    "another network": lambda saved: saved.update(network={"0.weight": torch.zeros(1)}),
    "another shape": lambda saved: saved["network"].update({"0.bias": torch.zeros(1)}),
    "no optimiser": lambda saved: saved.update(optimiser={}),
    "no average": lambda saved: saved.update(average=None),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_checkpoint_with_damaged_content_is_damaged(folder: Path, change: str):
    saved = load_checkpoint(folder / "last.ckpt")
    CHANGES[change](saved)
    save_checkpoint(folder / "last.ckpt", saved)
    with pytest.raises(InputError, match=r"last\.ckpt: damaged checkpoint, "):
        run(folder, resume=True, max_steps=8)


def test_a_checkpoint_of_another_system_is_told(folder: Path):
    saved = load_checkpoint(folder / "last.ckpt")
    saved["identity"] = json.dumps({**json.loads(saved["identity"]), "system": "geometry"})
    save_checkpoint(folder / "last.ckpt", saved)
    with pytest.raises(ConfigError, match="has system = 'geometry', not"):
        run(folder, resume=True)


@pytest.mark.parametrize("name", ["last.ckpt", "log.jsonl"])
def test_a_folder_in_the_place_of_a_file_is_told(folder: Path, name: str):
    (folder / name).unlink()
    (folder / name).mkdir()
    with pytest.raises(ArgandError, match=name):
        run(folder, resume=True, max_steps=8)


@pytest.mark.parametrize(
    "line",
    [
        b'{"step": 2, "sam',
        b"\xff\xfe\x00",
        b"[1, 2]",
        b"[" * 100_000,
        b'{"step": "2"}',
        b'{"step": 1, "val": 3}',
    ],
)
def test_damaged_lines_of_a_log_are_left_out_and_told(
    folder: Path, caplog: pytest.LogCaptureFixture, line: bytes
):
    whole = read_log(folder / "log.jsonl")
    (folder / "log.jsonl").write_bytes(line + b"\n" + (folder / "log.jsonl").read_bytes())
    run(folder, resume=True, max_steps=8)
    assert "skipped 1 damaged lines, the first is line 1" in caplog.text
    assert read_log(folder / "log.jsonl")[: len(whole)] == whole


@pytest.mark.parametrize("content", [None, b"", b"no weights at all"])
def test_best_weights_that_are_lost_are_written_anew(
    folder: Path, caplog: pytest.LogCaptureFixture, content: bytes | None
):
    best = folder / "best.safetensors"
    best.unlink()
    if content is not None:
        best.write_bytes(content)
    done = run(folder, resume=True, max_steps=8)
    assert "the next validation writes new ones" in caplog.text
    assert read_header(best)["training"]["steps"] == done.best.step == 8
