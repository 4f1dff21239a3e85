"""How the processes of a training run were started, from the environment: by torchrun, srun or by hand."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from argand.errors import ConfigError

SLURM_PORT, SLURM_PORTS = 15_000, 10_000
"""First port at which SLURM processes meet, and number of such ports; the job number selects one. By hand:
below the ephemeral ports, which start at 32768 on Linux (ip(7))."""


FIRST_PROCESS = "ARGAND_FIRST_PROCESS"
"""Environment variable with the id of the process that started this one for training."""


@dataclass(frozen=True)
class Launch:
    """Rank of this process among the `world` processes of a run, which meet at `address`:`port`.

    `local_rank` is its index on its machine and `per_node` the number of processes there; None if unknown.
    `by` says what started them, and `has_store` whether that has already opened the store.
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
    """The launch described by the environment, or None for a single process.

    Variables set by torchrun or a user (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT) override those of srun.
    Raises ConfigError for invalid values.
    """
    if "RANK" in environment and "WORLD_SIZE" in environment:
        launch = _of_torchrun(environment)
    elif "SLURM_STEP_ID" in environment and int(environment.get("SLURM_NTASKS", "1")) > 1:
        launch = _of_srun(environment)
    else:
        return None
    if not 0 <= launch.rank < launch.world:
        raise ConfigError(f"RANK {launch.rank} is outside WORLD_SIZE {launch.world}; count ranks from 0")
    return launch


def is_first_process() -> bool:
    """Whether this process is the first of its run, the only one that prints and writes.

    If the environment is contradictory there is no group, and each process counts as the first.
    """
    try:
        launch = launched()
    except ConfigError:
        return True
    return launch is None or launch.is_first


def _of_torchrun(environment: Mapping[str, str]) -> Launch:
    """Launch from the variables of torchrun, or those set by hand."""
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
    """Which program has set RANK and WORLD_SIZE."""
    if FIRST_PROCESS in environment:
        return "argand"
    return "torchrun" if "TORCHELASTIC_RUN_ID" in environment else "the user"


def _of_srun(environment: Mapping[str, str]) -> Launch:
    """Launch from the variables of SLURM's srun; the tasks meet on the first machine of the step."""
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
    """The first machine of a SLURM node list such as `gpu[07-09,12],big1`."""
    found = re.match(r"([^,\[]+)(?:\[([^\],-]+)[^\]]*\]([^,]*))?", machines)
    return "".join(part or "" for part in found.groups()) if found else machines


def _value(environment: Mapping[str, str], name: str) -> str:
    """The required variable `name`."""
    if not environment.get(name):
        raise ConfigError(f"{name} is not set for training with several processes; start them with torchrun")
    return environment[name]


def _number(environment: Mapping[str, str], name: str) -> int:
    """The variable `name` as a non-negative integer."""
    value = _value(environment, name)
    if not value.isdecimal():
        raise ConfigError(f"{name} is '{value}', not a number; start the processes with torchrun")
    return int(value)
