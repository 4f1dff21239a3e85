"""Where one process of a training computes: its device, beside the other processes."""

import re
from dataclasses import dataclass

import torch

from argand.errors import ConfigError
from argand.learn.group import Group, start_group

_MOST_DEVICES = 1024
"""By hand: more processes than one machine can start."""


@dataclass(frozen=True)
class Place:
    """A process's group and the kind of device, `cpu` or `cuda`, that all of it computes on.

    `asked` is the number of devices of each machine that the user has asked for, or None.
    """

    group: Group
    accelerator: str
    asked: int | None

    @classmethod
    def taken(cls, accelerator: str, devices: int | str) -> "Place":
        """The place of this process; where it was started alone, it starts as many as there are `devices`.

        `auto` stands for all GPUs, else one process; beside others, for as many as were started. Raises
        ConfigError for devices that are not there, or that contradict what was started.
        """
        if accelerator == "auto":
            accelerator = "cuda" if torch.cuda.is_available() else "cpu"
        if accelerator == "cuda" and not torch.cuda.is_available():
            raise ConfigError("torch finds no GPU here; train on the CPU, or install torch for CUDA")
        asked = None if devices == "auto" else _count(devices)
        usual = torch.cuda.device_count() if accelerator == "cuda" else 1
        return cls(start_group(asked or usual), accelerator, asked)

    def meet(self) -> None:
        """Wait for all other processes; ConfigError where there are other ones than asked for."""
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
        """The device of this process: each process of a machine has a GPU of its own."""
        if self.accelerator != "cuda":
            return torch.device("cpu")
        there, number = torch.cuda.device_count(), self.group.local_rank
        # srun may show each process its own GPU alone.
        if there == 1 and self.group.by == "srun":
            number = 0
        if number >= there:
            raise ConfigError(
                f"process {number} of this machine has no GPU, of which there are {there}; start as many "
                "processes as GPUs"
            )
        return torch.device("cuda", number)


def _count(devices: int | str) -> int:
    """The number of devices asked for."""
    if not re.fullmatch("[0-9]{1,4}", str(devices)) or not 1 <= int(devices) <= _MOST_DEVICES:
        raise ConfigError(f"'{devices}' is no number of devices; give one from 1 to {_MOST_DEVICES}, or auto")
    return int(devices)
