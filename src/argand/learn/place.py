"""The device on which each process of a training run computes."""

import re
from dataclasses import dataclass

import torch

from argand.errors import ConfigError
from argand.learn.group import Group, start_group

_MOST_DEVICES = 1024
"""By hand: more than one machine can start."""


@dataclass(frozen=True)
class Place:
    """A process's group and the device type, `cpu` or `cuda`, of all its processes.

    `asked` is the number of devices per machine that the user has requested, or None.
    """

    group: Group
    accelerator: str
    asked: int | None

    @classmethod
    def taken(cls, accelerator: str, devices: int | str) -> "Place":
        """The place of this process; a process that was started alone starts one for each of the `devices`.

        `auto` means all GPUs, or one process without a GPU; for processes started together, as many as were
        started. Raises ConfigError for devices that do not exist or contradict the started processes.
        """
        if accelerator == "auto":
            accelerator = "cuda" if torch.cuda.is_available() else "cpu"
        if accelerator == "cuda" and not torch.cuda.is_available():
            raise ConfigError("torch finds no GPU; train on the CPU, or install torch for CUDA")
        asked = None if devices == "auto" else _count(devices)
        usual = torch.cuda.device_count() if accelerator == "cuda" else 1
        return cls(start_group(asked or usual), accelerator, asked)

    def meet(self) -> None:
        """Wait for all other processes; ConfigError if their number is not the requested one."""
        self.group.meet()
        started = self.group.per_node
        if self.asked not in (None, started):
            raise ConfigError(
                f"{self.group.by} has started {started} processes on this machine, but --devices is "
                f"{self.asked}; leave --devices out"
            )
        if self.accelerator == "cuda":
            torch.cuda.set_device(self.device)

    @property
    def device(self) -> torch.device:
        """The device of this process: each process of a machine has its own GPU."""
        if self.accelerator != "cuda":
            return torch.device("cpu")
        there, number = torch.cuda.device_count(), self.group.local_rank
        # srun may make only its own GPU visible to each process.
        if there == 1 and self.group.by == "srun":
            number = 0
        if number >= there:
            raise ConfigError(
                f"process {number} of this machine has no GPU, since there are only {there}; start as many "
                "processes as GPUs"
            )
        return torch.device("cuda", number)


def _count(devices: int | str) -> int:
    """The requested number of devices."""
    if not re.fullmatch("[0-9]{1,4}", str(devices)) or not 1 <= int(devices) <= _MOST_DEVICES:
        raise ConfigError(f"'{devices}' is not a number of devices; give 1 to {_MOST_DEVICES}, or auto")
    return int(devices)
