"""What torchrun, srun or a user sets must be understood, and what contradicts itself be said."""

import pytest

from argand.errors import ConfigError
from argand.learn.launch import Launch, first_machine, is_first_process, launched

TORCHRUN = {
    "RANK": "3",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "node1",
    "MASTER_PORT": "29400",
    "TORCHELASTIC_RUN_ID": "none",
    "TORCHELASTIC_USE_AGENT_STORE": "True",
}
SRUN = {
    "SLURM_JOB_ID": "71234",
    "SLURM_STEP_ID": "2",
    "SLURM_NTASKS": "4",
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "1",
    "SLURM_STEP_NODELIST": "gpu[07-09,12],big1",
}


def test_a_process_started_alone_has_no_launch():
    assert launched({}) is None
    assert launched({"LOCAL_RANK": "0", "SLURM_NTASKS": "4", "SLURM_PROCID": "0"}) is None
    assert launched({**SRUN, "SLURM_NTASKS": "1", "SLURM_PROCID": "0"}) is None


def test_what_torchrun_sets_is_read():
    assert launched(TORCHRUN) == Launch(3, 4, 1, 2, "node1", 29400, "torchrun", has_store=True)


def test_what_srun_sets_is_read():
    assert launched(SRUN) == Launch(3, 4, 1, None, "gpu07", 16236, "srun")
    assert launched({**SRUN, "MASTER_ADDR": "ib0", "MASTER_PORT": "5000"}) == Launch(
        3, 4, 1, None, "ib0", 5000, "srun"
    )


def test_torchrun_under_srun_comes_first():
    assert launched({**SRUN, **TORCHRUN}) == launched(TORCHRUN)


@pytest.mark.parametrize(
    ("machines", "first"),
    [("a", "a"), ("a,b", "a"), ("n[3,5]", "n3"), ("n[08-11]x,m", "n08x"), ("a-b", "a-b")],
)
def test_the_first_machine_of_a_list(machines: str, first: str):
    assert first_machine(machines) == first


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"RANK": "4"}, "RANK 4 is outside WORLD_SIZE 4"),
        ({"RANK": "one"}, "RANK is 'one', not a number"),
        ({"MASTER_ADDR": ""}, "MASTER_ADDR is not set"),
        ({"MASTER_PORT": "-1"}, "MASTER_PORT is '-1', not a number"),
    ],
)
def test_what_contradicts_itself_is_said(changes: dict, message: str):
    with pytest.raises(ConfigError, match=message):
        launched({**TORCHRUN, **changes})


@pytest.mark.parametrize(("rank", "local", "first"), [("0", "0", True), ("2", "0", False), ("x", "0", True)])
def test_the_first_process_of_all_machines_alone_prints(
    monkeypatch: pytest.MonkeyPatch, rank: str, local: str, first: bool
):
    for name, value in {**TORCHRUN, "RANK": rank, "LOCAL_RANK": local}.items():
        monkeypatch.setenv(name, value)
    assert is_first_process() == first
