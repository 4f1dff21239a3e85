"""Structures shared out: the same files from any number of processes and from a cluster, nothing lost."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from quick_crystals import Poison, QuickModel

from argand.crew import HERE, Died, Machines
from argand.io.structure import write_structure
from argand.physics.crystal.structure import Structure, checked
from argand.runs.store import RecordStore
from argand.systems.crystals.database.fingerprint_index import index_of, save_index
from argand.systems.crystals.database.latents import read_latents
from argand.systems.crystals.files import entries
from argand.systems.crystals.files.run import decode_file, encode_files, reconstruct_files
from argand.systems.crystals.generation import sampling
from argand.systems.crystals.generation.candidates import Candidate, Prior
from argand.systems.crystals.generation.sampling import sample_files
from argand.systems.crystals.generation.selection import FAILED, Selection, Wishes
from argand.systems.crystals.latent.representation import Representation

pytest.importorskip("pyarrow")
FACE = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])


def salt(side: float) -> Structure:
    return checked(side * FACE, np.array([11, 17]), np.array([[0.1, 0.1, 0.1], [0.6, 0.6, 0.6]]))


BROKEN, DEADLY = salt(6.1).volume, salt(6.4).volume


@pytest.fixture
def cifs(tmp_path: Path) -> Path:
    """Twenty structures."""
    (tmp_path / "cifs").mkdir()
    for number in range(20):
        write_structure(tmp_path / "cifs" / f"{number:02d}.cif", salt(5.5 + 0.1 * number))
    return tmp_path / "cifs"


def untimed(summary: dict[str, Any]) -> dict[str, Any]:
    """A summary without what another run of the same work changes."""
    shown = [{key: value for key, value in one.items() if key != "seconds"} for one in summary["structures"]]
    return {**summary, "structures": shown}


def made(cifs: Path, out: Path, machines: Machines, model: QuickModel) -> tuple[Any, ...]:
    """All that three verbs make of the structures."""
    encoded = encode_files([str(cifs)], out / "latents.parquet", model, machines=machines)
    rebuilt = reconstruct_files([str(cifs)], out / "rebuilt", model, machines=machines)
    files = {path.name: path.read_bytes() for path in (out / "rebuilt").glob("*.cif")}
    return encoded, (out / "latents.parquet").read_bytes(), untimed(rebuilt), files


def test_any_number_of_processes_makes_the_same(cifs: Path, tmp_path: Path):
    model = QuickModel(broken=BROKEN)
    one = made(cifs, tmp_path / "1", HERE, model)
    assert one[0]["encoded"] == len(one[3]) == 19
    (skipped,) = one[0]["skipped"]
    assert skipped["name"] == "06"
    assert "out of memory (too large for this machine)" in skipped["reason"]
    assert [row["file"] for row in one[2]["structures"]] == sorted(one[3])
    for count in (2, 3):
        assert made(cifs, tmp_path / str(count), Machines(count), model) == one


def test_a_cluster_makes_the_same(cifs: Path, tmp_path: Path):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster:
        there = Machines(scheduler=cluster.scheduler_address)
        assert made(cifs, tmp_path / "there", there, QuickModel()) == made(
            cifs, tmp_path / "here", HERE, QuickModel()
        )


def test_a_structure_that_ends_its_process_loses_no_other(cifs: Path, tmp_path: Path):
    encoded, _, rebuilt, files = made(cifs, tmp_path / "out", Machines(2), QuickModel(deadly=DEADLY))
    assert encoded["encoded"] == len(files) == rebuilt["written"] == 19
    for summary in (encoded, rebuilt):
        (skipped,) = summary["skipped"]
        assert skipped["name"] == "09"
        assert skipped["reason"] == f"{cifs / '09.cif'}: {Died.text}"
    # It is asked again another time, and nothing else is.
    again = encode_files(
        [str(cifs)], tmp_path / "out" / "latents.parquet", QuickModel(broken=BROKEN), resume=True
    )
    assert again["encoded"] == 20


def test_decoded_latents_are_the_same_from_two_processes(cifs: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr("argand.systems.crystals.files.run.model_of", lambda config: QuickModel())
    encode_files([str(cifs)], tmp_path / "latents.parquet", QuickModel())
    one, two = (
        untimed(decode_file(tmp_path / "latents.parquet", tmp_path / str(count), machines=Machines(count)))
        for count in (1, 2)
    )
    assert one["written"] == 20
    assert one == two


def test_structures_are_read_while_others_are_answered(cifs: Path, tmp_path: Path, monkeypatch):
    read, most = [], []
    task, add = entries._task, RecordStore.add
    monkeypatch.setattr(entries, "_task", lambda *given: read.append(1) or task(*given))
    monkeypatch.setattr(RecordStore, "add", lambda *given: most.append(len(read)) or add(*given))
    monkeypatch.setattr(entries, "_CHUNK", 2)
    encode_files([str(cifs)], tmp_path / "latents.parquet", QuickModel(), machines=HERE)
    assert len(most) == 20
    assert all(seen <= done + 2 for done, seen in enumerate(most))


class Stopped(QuickModel):
    """Is stopped like by Ctrl-C at once."""

    def encode(self, structure: Structure) -> np.ndarray:
        raise KeyboardInterrupt


def test_what_a_stopped_run_has_not_read_is_still_answered(cifs: Path, tmp_path: Path):
    out, latents = tmp_path / "out", tmp_path / "latents.parquet"
    encode_files([str(cifs)], latents, QuickModel())
    reconstruct_files([str(cifs)], out, QuickModel())
    for number in range(10):  # more than are read ahead
        write_structure(cifs / f"{number:02d}.cif", salt(7.0))
    with pytest.raises(KeyboardInterrupt):
        encode_files([str(cifs)], latents, Stopped(), resume=True)
    with pytest.raises(KeyboardInterrupt):
        reconstruct_files([str(cifs)], out, Stopped(), resume=True)
    names = [f"{number:02d}" for number in range(10, 20)]
    kept = [row.name for row in read_latents(latents)[0]]
    assert kept[-10:] == names
    assert not {"00", "01", "02", "03", "04"} & set(kept)  # read, and found to have changed
    summary = json.loads((out / "summary.json").read_text())
    assert [one["file"] for one in summary["structures"]] == [f"{name}.cif" for name in names]


@pytest.fixture
def selection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Selection:
    """Candidates are salts, one of which ends the process that judges it."""
    save_index(tmp_path / "known.safetensors", index_of([("halite", salt(5.64))]))

    def stream(prior: Prior, seed: int, first: int = 0, weights: Path | None = None) -> Iterator[Candidate]:
        for number in range(first, 1000):
            yield Candidate(number, Poison("made") if number == 2 else "made", salt(5 + 0.1 * number), 0)

    monkeypatch.setattr(sampling, "candidates", stream)
    return Selection(Prior(noise=0.0), Wishes(), Representation(), tmp_path / "known.safetensors")


@pytest.mark.slow
def test_a_draw_that_ends_its_process_is_turned_away(selection: Selection, tmp_path: Path):
    summary = sample_files(tmp_path / "drawn", 4, 0, selection, Machines(2))
    assert [one["draw"] for one in summary["structures"]] == [0, 1, 3, 4]
    assert summary["rejected"] == {FAILED: 1}
    assert len(list((tmp_path / "drawn").glob("*.cif"))) == 4
    records = (tmp_path / "drawn" / "records.jsonl").read_text().splitlines()
    assert Died.text in next(one["reason"] for one in map(json.loads, records) if one["draw"] == 2)
