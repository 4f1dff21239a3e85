"""Simulated samples of any system, stored as a data set."""

from pathlib import Path

from argand import __version__
from argand.crew import CORES, Machines
from argand.io.dataset import SetPlan, write_dataset
from argand.io.shard import Compression
from argand.machine import keep_freed_memory
from argand.progress import ProgressDisplay
from argand.system import System, system_name, to_config


def simulate_to_file(
    system: System,
    out: Path,
    count: int,
    seed: int = 0,
    *,
    machines: Machines = CORES,
    shard_size: int = 250,
    compression: Compression = "gzip",
    quiet: bool = False,
) -> Path:
    """Write samples 0 to `count` - 1 of a system to the data set `out`, using all cores by default.

    `argand.io.dataset` describes the files. Existing samples are kept, so that the same call completes an
    interrupted set, and complete shards of a smaller one are reused. Raises ConfigError if `out` is another
    set, and KeyboardInterrupt, which says what is kept, when stopped.
    """
    provenance = {"system": system_name(system), "config": to_config(system), "version": __version__}
    keep_freed_memory()
    out = Path(out)
    plan = SetPlan(system.simulate, provenance, count, seed, shard_size, compression)
    kept = plan.kept(out)
    title = f"simulate {system_name(system)}"
    with ProgressDisplay(title, begun=kept / count, quiet=quiet) as display:
        try:
            write_dataset(out, plan, machines, lambda made: display.update((kept + made) / count, made))
        except KeyboardInterrupt as interrupt:
            message = f"{out} has {plan.kept(out)} of {count} samples; the same command completes it"
            raise KeyboardInterrupt(message) from interrupt
    return out
