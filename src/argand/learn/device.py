"""Choice of the device and the number format, by measurement."""

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
"""Memory format of tensors [batch, channel, ...] by number of dimensions."""

CPUINFO = Path("/proc/cpuinfo")
"""File in which Linux describes the processor (proc(5))."""

_WORTHWHILE = 1.3
"""bf16 is chosen on a CPU if it is this many times faster than fp32.

By hand, to make up for its rounding; `argand doctor` prints both speeds.
"""


@dataclass(frozen=True)
class Compute:
    """Device type and number format of a run; convolutions use channels-last tensors."""

    accelerator: Literal["cpu", "cuda"]
    precision: Precision

    def place(self, network: nn.Module) -> nn.Module:
        """Move a network to the device, with its convolutions in channels-last order."""
        return fast_order(network.to(self.accelerator))

    def autocast(self) -> torch.autocast:
        """Context in which the network computes in the chosen number format."""
        # Without the cache each use of a weight has its own gradient, summed in fp32.
        mixed = self.precision == "bf16-mixed"
        return torch.autocast(self.accelerator, torch.bfloat16, enabled=mixed, cache_enabled=False)


def fast_order(network: nn.Module) -> nn.Module:
    """Put the weights of a network's 2-D and 3-D convolutions in channels-last order; returns the network."""
    for parameter in network.parameters():
        if parameter.ndim in _CHANNELS_LAST:
            parameter.data = parameter.data.contiguous(memory_format=_CHANNELS_LAST[parameter.ndim])
    return network


def channels_last(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The batch with images `[batch, channel, slow, fast]` and volumes in channels-last order."""
    return {
        name: tensor.contiguous(memory_format=_CHANNELS_LAST[tensor.ndim])
        if tensor.ndim in _CHANNELS_LAST
        else tensor
        for name, tensor in batch.items()
    }


def cpu_entries(cpuinfo: Path = CPUINFO) -> dict[str, str]:
    """Entries of /proc/cpuinfo for the last core, by name; empty if there is no such file."""
    lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines() if cpuinfo.is_file() else []
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def processor_name(cpuinfo: Path = CPUINFO) -> str:
    """Model of the processor, as far as known."""
    return cpu_entries(cpuinfo).get("model name") or platform.processor() or platform.machine()


def hardware(accelerator: str) -> str:
    """Description of the hardware: the GPU's name, or the processor's and the number of usable cores."""
    if accelerator == "cuda":
        return torch.cuda.get_device_name()
    return f"{processor_name()}, {available_cores()} cores"


def choose_compute(accelerator: str = "auto", measure: bool = True) -> Compute:
    """CUDA in bf16 if there is a GPU; else the CPU, in bf16 if a measurement shows that to be faster.

    Without `measure`, e.g. for several processes that must agree, the CPU computes in fp32.
    """
    if accelerator == "cuda" or (accelerator == "auto" and torch.cuda.is_available()):
        return Compute("cuda", "bf16-mixed")
    faster = measure and convolution_speed("cpu", torch.bfloat16) > _WORTHWHILE * convolution_speed("cpu")
    return Compute("cpu", "bf16-mixed" if faster else "32-true")


def convolution_speed(device: str = "cpu", dtype: torch.dtype = torch.float32, seconds: float = 0.2) -> float:
    """Speed in GFLOP/s of a 3x3 convolution from 64 to 64 channels, channels-last; the best of repeats.

    Repeats for `seconds`, at least three times; the size was chosen by hand, that of a typical layer.
    """
    layer = nn.Conv2d(64, 64, 3, padding=1).to(device, dtype, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    image = torch.randn(4, 64, 64, 64, device=device, dtype=dtype).contiguous(
        memory_format=torch.channels_last
    )
    # One multiplication and one addition per weight (9 · 64 per output), with as many outputs as inputs.
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
