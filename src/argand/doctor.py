"""What is installed here, how fast it computes, and whether each system works."""

import platform
import shutil
import time
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from argand import __version__
from argand.errors import ArgandError
from argand.io.weights import FILE_NAME, read_header
from argand.system import SYSTEMS, system_module

PACKAGES = ("torch", "numpy", "scipy", "h5py", "hdf5plugin", "fabio", "gemmi", "safetensors", "lightning")
CPU_FEATURES = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
EXTRAS = {
    "train": ("lightning", "tensorboard"),
    "md": ("openmm",),
    "molecule": ("rdkit",),
    "trajectory": ("MDAnalysis",),
    "energy": ("chgnet", "pymatgen"),
    "bench": ("pyFAI", "debyecalculator", "smtbx", "grok_phase_solver"),
}
OPPONENTS = {"dials": "dials.version"}
WEIGHTS = Path(__file__).parent / "weights"
NO_GPU = [("none", "computing on the CPU")]


def examine() -> dict[str, Any]:
    """Everything that `argand doctor` reports, as plain values; `healthy` is true if no self-test failed."""
    systems = {name: self_test(name) for name in SYSTEMS}
    return {
        "healthy": all(result["works"] for result in systems.values()),
        "versions": versions(),
        "processor": processor(),
        "torch_build": torch_build(),
        "gpus": gpus(),
        "speed_gflops": speed(),
        "weights": weights(),
        "extras": {name: all(find_spec(part) for part in parts) for name, parts in EXTRAS.items()},
        "opponents": {name: shutil.which(command) is not None for name, command in OPPONENTS.items()},
        "systems": systems,
    }


def versions() -> dict[str, str | None]:
    """Versions of argand, Python and the main dependencies; None for one that is not installed."""
    found: dict[str, str | None] = {"argand": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def processor(cpuinfo: Path | None = None) -> dict[str, Any]:
    """Processor model, cores, torch's threads and the relevant instruction sets, as far as known."""
    import torch

    from argand.learn.device import CPUINFO, cpu_entries, processor_name
    from argand.machine import available_cores

    cpuinfo = cpuinfo or CPUINFO
    flags = cpu_entries(cpuinfo).get("flags", "").split()
    return {
        "model": processor_name(cpuinfo),
        "cores": available_cores(),
        "threads": torch.get_num_threads(),
        "features": [feature for feature in CPU_FEATURES if feature in flags],
    }


def torch_build() -> str:
    """Backend of the installed torch: "CPU", or "CUDA" or "ROCm" with its version."""
    import torch

    if torch.version.cuda:
        return f"CUDA {torch.version.cuda}"
    hip = getattr(torch.version, "hip", None)
    return f"ROCm {hip}" if hip else "CPU"


def gpus() -> list[dict[str, Any]]:
    """Name and memory in GiB of each GPU that torch can use."""
    import torch

    properties = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
    return [{"name": gpu.name, "memory_gib": round(gpu.total_memory / 2**30, 1)} for gpu in properties]


def speed() -> dict[str, float]:
    """Measured speed of a convolution in GFLOP/s, by device and number format."""
    import torch

    from argand.learn.device import convolution_speed

    formats = {"fp32": torch.float32, "bf16": torch.bfloat16}
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    return {
        f"{device} {name}": round(convolution_speed(device, dtype), 1)
        for device in devices
        for name, dtype in formats.items()
    }


def weights(folder: Path = WEIGHTS) -> dict[str, Any]:
    """Size in MB and measured figures of each set of shipped weights, or its error."""
    found: dict[str, Any] = {}
    for file in sorted(folder.glob(f"*/{FILE_NAME}")):
        try:
            header = read_header(file)
        except ArgandError as error:
            found[file.parent.name] = {"error": str(error)}
            continue
        size = round(file.stat().st_size / 1e6, 2)
        figures = header.get("figures", {})
        found[file.parent.name] = {"version": header["version"], "size_mb": size, "figures": figures}
    return found


def self_test(name: str) -> dict[str, Any]:
    """Whether the system works, the message of its self-test, and the seconds it took."""
    start = time.perf_counter()
    try:
        message, works = str(system_module(name).selftest()), True
    except Exception as error:  # noqa: BLE001 (any failure is reported)
        message, works = f"{type(error).__name__}: {error}", False
    return {"works": works, "message": message, "seconds": round(time.perf_counter() - start, 2)}


def show(report: dict[str, Any], as_json: bool = False) -> None:
    """Print the report of `examine` as tables, or as one JSON object."""
    from rich.console import Console

    from argand.runs.json_text import json_text

    console = Console()
    if as_json:
        console.out(json_text(report), highlight=False)
        return
    for title, rows in _tables(report):
        console.print(_table(title, rows))


def _tables(report: dict[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Title and rows of each table; rows are name and value."""
    present = {True: "installed", False: "not installed"}
    processor = {
        **report["processor"],
        "features": ", ".join(report["processor"]["features"]) or "none relevant",
    }
    gpus = [(gpu["name"], f"{gpu['memory_gib']} GiB") for gpu in report["gpus"]]
    systems = report["systems"].items()
    return [
        ("Versions", [(name, version or "not installed") for name, version in report["versions"].items()]),
        ("Processor", [(name, str(value)) for name, value in processor.items()]),
        ("GPU", [("torch build", report["torch_build"]), *(gpus or NO_GPU)]),
        (
            "Convolution speed",
            [(name, f"{value:.0f} GFLOP/s") for name, value in report["speed_gflops"].items()],
        ),
        ("Weights", [(name, _figures(entry)) for name, entry in report["weights"].items()] or [("none", "")]),
        ("Extras", [(name, present[there]) for name, there in report["extras"].items()]),
        ("Reference programs", [(name, present[there]) for name, there in report["opponents"].items()]),
        ("Self-test", [(name, _verdict(result)) for name, result in systems]),
    ]


def _table(title: str, rows: list[tuple[str, str]]) -> Any:
    """One rich table of names and values."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", show_header=False, box=None, padding=(0, 2))
    for name, value in rows:
        table.add_row(Text(name, style="cyan"), Text(value))
    return table


def _figures(entry: dict[str, Any]) -> str:
    """Size and measured figures of one set of weights, or its error."""
    if "error" in entry:
        return entry["error"]
    measured = (f"{part} {name} {value:.3g}" for part, name, value in _flat(entry["figures"]))
    return ", ".join([f"{entry['size_mb']} MB", *measured])


def _flat(figures: dict[str, Any]) -> list[tuple[str, str, float]]:
    """Part, name and value of each figure that is a number."""
    return [
        (part, name, value)
        for part, values in figures.items()
        if isinstance(values, dict)
        for name, value in values.items()
        if isinstance(value, int | float)
    ]


def _verdict(result: dict[str, Any]) -> str:
    """One-line result of a self-test."""
    return f"{'works' if result['works'] else 'FAILS'} ({result['seconds']} s): {result['message']}"
