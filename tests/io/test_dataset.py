"""A data set must hold what was simulated, however it was written, and survive interruption."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest
from toy import HANG_S, BrokenToySystem, GatedToySystem, ToySystem, wait_for

from argand import __version__
from argand.crew import HERE, Machines
from argand.errors import ConfigError, InputError
from argand.io.dataset import MAX_SHARDS, SetPlan, StoredSamples, write_dataset
from argand.learn.simulate import simulate_to_file
from argand.system import Sample, to_config


def plan(**changes) -> SetPlan:
    """Ten samples of the toy system in shards of four."""
    settings = {"simulate": ToySystem().simulate, "provenance": {"system": "toy"}, "count": 10, "seed": 3}
    return SetPlan(**{**settings, "shard_size": 4, **changes})


def assert_holds(out: Path, expected: SetPlan) -> None:
    """The data set holds exactly the samples of the plan."""
    with StoredSamples(out) as stored:
        assert len(stored) == expected.count
        assert stored.provenance == expected.provenance
        for index in range(expected.count):
            truth = expected.simulate(index, expected.seed)
            assert stored[index].keys() == truth.keys()
            for name, value in truth.items():
                np.testing.assert_array_equal(stored[index][name], value, strict=True)


@pytest.mark.parametrize("compression", ["gzip", "bitshuffle"])
def test_what_is_stored_is_what_was_simulated(tmp_path: Path, compression: str):
    made: list[int] = []
    write_dataset(tmp_path / "set.h5", plan(compression=compression), watch=made.append)
    assert_holds(tmp_path / "set.h5", plan())
    assert made[-1] == 10
    assert made == sorted(made)


def test_plain_h5py_reads_it_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_dataset(tmp_path / "set.h5", plan())
    monkeypatch.chdir("/")
    with h5py.File(tmp_path / "set.h5") as file:
        np.testing.assert_array_equal(file["points"][9], ToySystem().simulate(9, 3)["points"])
        assert (file.attrs["seed"], file.attrs["first"], file.attrs["count"]) == (3, 0, 10)


@pytest.mark.parametrize("compression", ["gzip", "bitshuffle"])
def test_what_an_interruption_leaves_is_kept_and_only_the_rest_is_made(tmp_path: Path, compression: str):
    made: list[int] = []

    def simulate(index: int, seed: int) -> Sample:
        made.append(index)
        if len(made) in (3, 8):
            raise KeyboardInterrupt
        return ToySystem().simulate(index, seed)

    broken = plan(simulate=simulate, compression=compression)
    for kept in (2, 6):
        with pytest.raises(KeyboardInterrupt):
            write_dataset(tmp_path / "set.h5", broken)
        assert broken.kept(tmp_path / "set.h5") == kept
        assert not (tmp_path / "set.h5").exists()
    assert names(tmp_path) == ["00000000.h5", "00000004.pieces"]
    write_dataset(tmp_path / "set.h5", broken)
    assert made == [0, 1, 2, 2, 3, 4, 5, 6, 6, 7, 8, 9]
    assert names(tmp_path) == ["00000000.h5", "00000004.h5", "00000008.h5"]
    assert_holds(tmp_path / "set.h5", plan())


def names(folder: Path) -> list[str]:
    """Names of all files of the set beside its index."""
    return sorted(path.name for path in (folder / "set.shards").iterdir())


def test_pieces_of_shards_of_another_size_are_used(tmp_path: Path):
    def simulate(index: int, seed: int) -> Sample:
        if index == 3:
            raise KeyboardInterrupt
        return ToySystem().simulate(index, seed)

    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path / "set.h5", plan(simulate=simulate))
    assert plan(shard_size=5).kept(tmp_path / "set.h5") == 3
    with pytest.raises(ConfigError, match="belongs to another data set"):
        write_dataset(tmp_path / "set.h5", plan(seed=4))
    write_dataset(tmp_path / "set.h5", plan(shard_size=5))
    assert names(tmp_path) == ["00000000.h5", "00000005.h5"]
    assert_holds(tmp_path / "set.h5", plan())


def test_a_damaged_shard_and_leftovers_of_a_kill_are_replaced(tmp_path: Path):
    write_dataset(tmp_path / "set.h5", plan())
    shard = tmp_path / "set.shards" / "00000004.h5"
    shard.write_bytes(shard.read_bytes()[:1000])
    (tmp_path / "set.shards" / ".00000004.h5.123").write_bytes(b"half")
    write_dataset(tmp_path / "set.h5", plan())
    assert_holds(tmp_path / "set.h5", plan())
    assert len(list((tmp_path / "set.shards").iterdir())) == 3


def test_a_smaller_set_is_extended(tmp_path: Path):
    write_dataset(tmp_path / "set.h5", plan(count=5))
    assert plan().kept(tmp_path / "set.h5") == 4
    write_dataset(tmp_path / "set.h5", plan())
    assert_holds(tmp_path / "set.h5", plan())


@pytest.mark.parametrize("change", [{"seed": 4}, {"provenance": {"system": "other"}}])
def test_another_set_is_not_overwritten(tmp_path: Path, change: dict):
    write_dataset(tmp_path / "set.h5", plan())
    with pytest.raises(ConfigError, match="belongs to another data set"):
        write_dataset(tmp_path / "set.h5", plan(**change))
    assert_holds(tmp_path / "set.h5", plan())


def test_a_missing_shard_is_named(tmp_path: Path):
    write_dataset(tmp_path / "set.h5", plan())
    (tmp_path / "set.shards" / "00000004.h5").unlink()
    with pytest.raises(InputError, match=r"its shard set.shards/00000004.h5 is missing"):
        StoredSamples(tmp_path / "set.h5")
    with h5py.File(tmp_path / "set.h5") as file:
        assert np.isnan(file["points"][4]).all()


@pytest.mark.parametrize("content", [None, b"no HDF5"])
def test_what_is_no_data_set_is_named(tmp_path: Path, content: bytes | None):
    if content:
        (tmp_path / "set.h5").write_bytes(content)
    with pytest.raises(InputError, match="no data set;"):
        StoredSamples(tmp_path / "set.h5")


def test_a_large_set_has_no_more_shards_than_can_be_open():
    shards = plan(count=100_001, shard_size=10).shards
    assert len(shards) <= MAX_SHARDS
    assert [index for shard in shards for index in shard] == list(range(100_001))


def test_an_error_in_a_process_is_told(tmp_path: Path):
    broken = plan(simulate=BrokenToySystem().simulate)
    with pytest.raises(InputError, match="sample 5 is broken"):
        write_dataset(tmp_path / "set.h5", broken, Machines(2))
    assert not list((tmp_path / "set.shards").glob(".*"))


def test_a_system_is_stored_with_its_configuration(tmp_path: Path):
    simulate_to_file(ToySystem(noise=0.0), tmp_path / "set.h5", 3, seed=1, machines=HERE, quiet=True)
    with StoredSamples(tmp_path / "set.h5") as stored:
        assert stored.provenance["config"]["noise"] == 0.0
        assert stored.seed == 1
    with pytest.raises(ConfigError, match="belongs to another data set"):
        simulate_to_file(ToySystem(noise=0.5), tmp_path / "set.h5", 3, seed=1, machines=HERE, quiet=True)


GATED = (6, 10)
"""Samples that are only made once the simulation has been told to stop."""

GATED_SCRIPT = f"""
import signal
import sys
from pathlib import Path
from toy import GatedToySystem
from argand.crew import Crew, Machines
from argand.learn.simulate import simulate_to_file

close = Crew.close

def open_and_close(crew):
    Path(sys.argv[1], "open").touch()
    close(crew)

if __name__ == "__main__":
    # What a shell runs in the background ignores Ctrl-C from its start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    Crew.close = open_and_close
    system = GatedToySystem(folder=sys.argv[1], gated={GATED})
    path = Path(sys.argv[1], "set.h5")
    simulate_to_file(system, path, 40, seed=3, machines=Machines(2), shard_size=4, quiet=True)
"""


def start_simulation(folder: Path) -> subprocess.Popen:
    """A simulation whose two processes have the first shard done and are half through two others."""
    script = folder / "simulate.py"
    script.write_text(GATED_SCRIPT)
    learn = str(Path(__file__).parents[1] / "learn")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([learn, os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, str(script), str(folder)]
    process = subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_for([folder / f"waiting-{number}" for number in GATED], process)
    return process


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_or_killed_simulation_is_completed_by_the_same_call(tmp_path: Path, number: int):
    process = start_simulation(tmp_path)
    try:
        process.send_signal(number)
        # The pipe ends when the last process that could write to it has ended: none lives on.
        message = " ".join(process.communicate(timeout=HANG_S)[1].split())
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    completed = gated_plan(tmp_path)
    whole, *begun = [completed.rows(*shard) for shard in completed.files(tmp_path / "set.h5").items()]
    # Both end the piece that they are at; what is killed loses it.
    assert (whole, begun) == (4, [4, 4, *[0] * 7] if number == signal.SIGINT else [0] * 9)
    told = f"set.h5 has {whole + sum(begun)} of 40 samples; the same command completes it"
    assert (told in message) == (number == signal.SIGINT)
    write_dataset(tmp_path / "set.h5", completed)
    assert names(tmp_path) == [f"{first:08d}.h5" for first in range(0, 40, 4)]
    assert_holds(tmp_path / "set.h5", completed)


def gated_plan(folder: Path) -> SetPlan:
    """What the script simulates, without its gates."""
    config = to_config(GatedToySystem(folder=str(folder), gated=GATED))
    provenance = {"system": "GatedToySystem", "config": config, "version": __version__}
    return plan(provenance=provenance, count=40, shard_size=4)
