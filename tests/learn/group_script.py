"""Trains a toy system as one of the processes that test_group.py starts, through the verb of a command line.

Arguments: the folder of the run, its steps and, where its samples from number 8 on wait until they may be
made, the folder to tell so in; `--resume` at the end.
"""

import sys
from pathlib import Path

from toy import GatedToySystem, NormedToySystem
from typer import Typer

from argand.cli import ArgandGroup
from argand.runs.verbs import in_one_group, run_training

app = Typer(cls=ArgandGroup, pretty_exceptions_enable=False)


@app.callback()
def start() -> None:
    """Have verbs, of which there is one."""


@app.command()
@in_one_group
def train(out: Path, steps: int, gates: str = "", devices: str = "auto", resume: bool = False) -> None:
    """Train four samples in each process."""
    gated = GatedToySystem(plain=True, folder=gates, gated=tuple(range(8, 12)))
    run_training(
        gated if gates else NormedToySystem(),
        out,
        "lines",
        max_time=None,
        max_steps=steps,
        batch_size=2,
        workers=0,
        accelerator="cpu",
        devices=devices,
        val_count=8,
        val_every_steps=2,
        precision="fp32",
        resume=resume,
    )


if __name__ == "__main__":
    sys.argv.insert(1, "train")
    app()
