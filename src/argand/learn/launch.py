"""How the processes of one training were started, as their environment tells: torchrun, srun or by hand."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from argand.errors import ConfigError

SLURM_PORT, SLURM_PORTS = 15_000, 10_000
"""First of the ports at which processes of SLURM meet, and how many: one by the number of the job. By hand:
below those that systems give out by themselves, on Linux from 32768 on (ip(7))."""


FIRST_PROCESS = "ARGAND_FIRST_PROCESS"
"""Environment variable that tells the processes that a training starts which process they serve."""


@dataclass(frozen=True)
class Launch:
    """Place of this process among the `world` processes of a run, which meet at `address`:`port`.

    `local_rank` is its number on its machine and `per_node` how many there are; None where the environment
    does not tell. `by` says what started them, and `has_store` that it has opened the meeting point already.
    """

    rank: int
    world: int
    local_rank: int | None
    per_node: int | None
    address: str
    port: int
    by: str
    has_store: bool = False

    @property
    def is_first(self) -> bool:
        """Whether this process prints and writes."""
        return self.rank == 0


def launched(environment: Mapping[str, str] = os.environ) -> Launch | None:
    """The launch that the environment tells of, or None for a process that was started alone.

    What torchrun or a user sets (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT) comes before what srun sets.
    Raises ConfigError for values that cannot be.
    """
    if "RANK" in environment and "WORLD_SIZE" in environment:
        launch = _of_torchrun(environment)
    elif "SLURM_STEP_ID" in environment and int(environment.get("SLURM_NTASKS", "1")) > 1:
        launch = _of_srun(environment)
    else:
        return None
    if not 0 <= launch.rank < launch.world:
        raise ConfigError(f"RANK {launch.rank} is none of WORLD_SIZE {launch.world}; count from 0")
    return launch


def is_first_process() -> bool:
    """Whether this process is the first of its run, which alone prints and writes.

    Where the environment contradicts itself there is no group, and each process is alone.
    """
    try:
        launch = launched()
    except ConfigError:
        return True
    return launch is None or launch.is_first


def _of_torchrun(environment: Mapping[str, str]) -> Launch:
    """As torchrun sets it, or a user by hand."""
    world = _number(environment, "WORLD_SIZE")
    return Launch(
        rank=_number(environment, "RANK"),
        world=world,
        local_rank=_number(environment, "LOCAL_RANK") if "LOCAL_RANK" in environment else None,
        per_node=_number(environment, "LOCAL_WORLD_SIZE") if "LOCAL_WORLD_SIZE" in environment else None,
        address=_value(environment, "MASTER_ADDR") if world > 1 else "",
        port=_number(environment, "MASTER_PORT") if world > 1 else 0,
        by=_starter(environment),
        has_store=environment.get("TORCHELASTIC_USE_AGENT_STORE") == "True",
    )


def _starter(environment: Mapping[str, str]) -> str:
    """What has set RANK and WORLD_SIZE."""
    if FIRST_PROCESS in environment:
        return "argand"
    return "torchrun" if "TORCHELASTIC_RUN_ID" in environment else "the user"


def _of_srun(environment: Mapping[str, str]) -> Launch:
    """As SLURM's srun sets it in each of its tasks; they meet on the step's first machine."""
    job, step = _number(environment, "SLURM_JOB_ID"), _number(environment, "SLURM_STEP_ID")
    machines = environment.get("SLURM_STEP_NODELIST") or _value(environment, "SLURM_NODELIST")
    return Launch(
        rank=_number(environment, "SLURM_PROCID"),
        world=_number(environment, "SLURM_NTASKS"),
        local_rank=_number(environment, "SLURM_LOCALID"),
        per_node=None,
        address=environment.get("MASTER_ADDR") or first_machine(machines),
        port=_number(
            {"MASTER_PORT": str(SLURM_PORT + (job + step) % SLURM_PORTS), **environment}, "MASTER_PORT"
        ),
        by="srun",
    )


def first_machine(machines: str) -> str:
    """The first of SLURM's list of machines, such as `gpu[07-09,12],big1`."""
    found = re.match(r"([^,\[]+)(?:\[([^\],-]+)[^\]]*\]([^,]*))?", machines)
    return "".join(part or "" for part in found.groups()) if found else machines


def _value(environment: Mapping[str, str], name: str) -> str:
    """The variable `name`, which those that come with it need."""
    if not environment.get(name):
        raise ConfigError(f"several processes are to train but {name} is not set; start them with torchrun")
    return environment[name]


def _number(environment: Mapping[str, str], name: str) -> int:
    """The variable `name` as a number from 0 on."""
    value = _value(environment, name)
    if not value.isdecimal():
        raise ConfigError(f"{name} is '{value}', which is no number; start the processes with torchrun")
    return int(value)
