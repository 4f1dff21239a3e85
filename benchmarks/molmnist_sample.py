"""Makes the hundred pairs that are shipped: ten of each fibril, as the standard set has them.

python benchmarks/molmnist_sample.py
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from argand.systems.molmnist.benchmark.dataset import SEED
from argand.systems.molmnist.benchmark.sample import SAMPLE, write_sample
from argand.systems.molmnist.presets import PRESETS

PAIRS = 100


def main(out: Annotated[Path, typer.Option(help="By default where the package has it.")] = SAMPLE) -> None:
    """Write the sample and say its size."""
    system = PRESETS["standard"]
    samples = [system.simulate(index, SEED) for index in range(PAIRS)]
    columns = {name: np.stack([sample[name] for sample in samples]) for name in samples[0]}
    write_sample(out, columns)
    Console().print(f"{PAIRS} pairs, {out.stat().st_size / 1e6:.2f} MB: {out}", highlight=False)


if __name__ == "__main__":
    typer.run(main)
