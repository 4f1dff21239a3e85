"""Where to compute and how precisely, chosen by measuring."""

import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from argand.machine import available_cores

Precision = Literal["32-true", "bf16-mixed"]

_CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}
"""Order of tensors [batch, channel, ...] by their number of dimensions."""

CPUINFO = Path("/proc/cpuinfo")
"""Where Linux tells of the processor (proc(5))."""

_WORTHWHILE = 1.3
"""bf16 on a CPU is chosen when it is this many times faster than fp32.

By hand, for what its rounding may cost; `argand doctor` tells both speeds of a machine.
"""


@dataclass(frozen=True)
class Compute:
    """Device kind and number format of a run; convolutions take channels-last tensors."""

    accelerator: Literal["cpu", "cuda"]
    precision: Precision

    def place(self, network: nn.Module) -> nn.Module:
        """Network on the device, its convolutions in channels-last order."""
        return fast_order(network.to(self.accelerator))

    def autocast(self) -> torch.autocast:
        """Context in which the network computes in the chosen number format."""
        # Without the cache each use of a weight has a gradient of its own, summed in fp32.
        mixed = self.precision == "bf16-mixed"
        return torch.autocast(self.accelerator, torch.bfloat16, enabled=mixed, cache_enabled=False)


def fast_order(network: nn.Module) -> nn.Module:
    """The network itself, the weights of its 2-D and 3-D convolutions in channels-last order."""
    for parameter in network.parameters():
        if parameter.ndim in _CHANNELS_LAST:
            parameter.data = parameter.data.contiguous(memory_format=_CHANNELS_LAST[parameter.ndim])
    return network


def channels_last(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The batch with its images `[batch, channel, slow, fast]` and volumes in channels-last order."""
    return {
        name: tensor.contiguous(memory_format=_CHANNELS_LAST[tensor.ndim])
        if tensor.ndim in _CHANNELS_LAST
        else tensor
        for name, tensor in batch.items()
    }


def cpu_entries(cpuinfo: Path = CPUINFO) -> dict[str, str]:
    """What the system says of its (last) processor core, by name; empty where there is no such file."""
    lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines() if cpuinfo.is_file() else []
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def processor_name(cpuinfo: Path = CPUINFO) -> str:
    """Model of the processor, as far as the system tells it."""
    return cpu_entries(cpuinfo).get("model name") or platform.processor() or platform.machine()


def hardware(accelerator: str) -> str:
    """What computes, in words: the GPU's name, or the processor's with the cores that may be used."""
    if accelerator == "cuda":
        return torch.cuda.get_device_name()
    return f"{processor_name()}, {available_cores()} cores"


def choose_compute(accelerator: str = "auto", measure: bool = True) -> Compute:
    """CUDA in bf16 where there is a GPU; else the CPU, in bf16 where that is measured to be faster.

    Without `measure`, as for several processes that must agree, the CPU computes in fp32.
    """
    if accelerator == "cuda" or (accelerator == "auto" and torch.cuda.is_available()):
        return Compute("cuda", "bf16-mixed")
    faster = measure and convolution_speed("cpu", torch.bfloat16) > _WORTHWHILE * convolution_speed("cpu")
    return Compute("cpu", "bf16-mixed" if faster else "32-true")


def convolution_speed(device: str = "cpu", dtype: torch.dtype = torch.float32, seconds: float = 0.2) -> float:
    """Speed in GFLOP/s of a 3x3 convolution of 64 into 64 channels, channels-last; the best of repeats.

    Repeats go on for `seconds`, three at least; the size is by hand, that of a usual layer.
    """
    layer = nn.Conv2d(64, 64, 3, padding=1).to(device, dtype, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    image = torch.randn(4, 64, 64, 64, device=device, dtype=dtype).contiguous(
        memory_format=torch.channels_last
    )
    # A product and a sum for each weight, 9 · 64 of them, at each of as many outputs as inputs.
    operations = 2 * image.numel() * 64 * 9
    times, end = [], time.perf_counter() + seconds
    with torch.inference_mode():
        layer(image)
        while len(times) < 3 or time.perf_counter() < end:
            start = time.perf_counter()
            layer(image)
            if device == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter() - start)
    return operations / min(times) / 1e9
