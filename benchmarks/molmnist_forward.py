"""How accurate the patterns are: against sums over atoms, and against an independent Debye program.

    python benchmarks/molmnist_forward.py --json benchmarks/results/molmnist_forward.json

The amplitude R is Σ | |F| - |F direct| | / Σ |F direct| over 200 pixels of each shell of q, for one variant
of a fibril. The isotropic average of |F|² over random orientations of a short fibril stands beside Debye's
formula as pyausaxs computes it (extra `bench`); its scatter is that of the number of orientations.
"""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from report import as_table, write_report
from rich.console import Console

from argand.physics.cell import random_rotation
from argand.physics.projection import Camera, Window, scattering_factors
from argand.systems.molmnist.evaluate import amplitude_r
from argand.systems.molmnist.fibril import FIBRILS, build_fibril
from argand.systems.molmnist.simulate import ELECTRONS, Scene

SHELLS = ((0.0, 0.3), (0.3, 1.0), (1.0, 1.7), (1.7, 2.5))
WHOLE = (0.0, 1.7)
CURVED = (("flat", None), ("X-rays of 1 Å", 1.0))
SHORT = ("2x2", 20.0)
DEBYE_WINDOW = Window(60.0, 60)


def shells_of(name: str, wavelength: float | None = None) -> dict[str, Any]:
    """R of one variant in each shell and below 1.7 / Å."""
    row: dict[str, Any] = {"fibril": name}
    for low, high in (WHOLE, *SHELLS):
        found = amplitude_r(name, 0, Window(), lowest_q=low, highest_q=high, wavelength=wavelength)
        row[f"R {low:g}-{high:g}"] = round(found, 5)
    return row


def isotropic(orientations: int) -> list[dict[str, Any]]:
    """Mean |F|² over orientations and pixels of a shell, beside Debye's sum at the pixels' own q."""
    fibril = build_fibril(*SHORT)
    camera, random = Camera(set(ELECTRONS), DEBYE_WINDOW), np.random.default_rng(0)
    members = Scene(fibril).members
    total = np.zeros_like(DEBYE_WINDOW.q)
    for _ in range(orientations):
        cart = fibril.cart @ random_rotation(random).T
        total += camera.intensity({name: cart[atoms] for name, atoms in members.items()})
    rows = []
    for low, high in ((0.1, 0.3), (0.3, 0.6), (0.6, 1.0), (1.0, 1.4), (1.4, 1.7)):
        inside = (DEBYE_WINDOW.q >= low) & (DEBYE_WINDOW.q < high)
        exact = debye(fibril.cart, fibril.elements, DEBYE_WINDOW.q[inside]).mean()
        found = float(total[inside].mean()) / orientations
        rows.append(
            {
                "q": f"{low:g}-{high:g}",
                "projected": found,
                "debye": float(exact),
                "ratio": found / float(exact),
            }
        )
    return rows


def debye(cart: np.ndarray, elements: tuple[str, ...], q: np.ndarray) -> np.ndarray:
    """Debye's sum at each q by pyausaxs; its weights are the form factors at that q."""
    from pyausaxs import sasview

    kinds = np.array(elements)
    places, back = np.unique(q.round(6), return_inverse=True)
    values = []
    for one in places:
        factors = scattering_factors(set(elements), np.array([one]))
        weight = np.array([factors[kind][0] for kind in kinds])
        values.append(sasview.debye_no_ff(np.array([one]), *cart.T, weight)[0])
    return np.array(values)[back]


def main(
    orientations: Annotated[int, typer.Option(help="Of the isotropic average.", min=10)] = 2000,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well")] = None,
) -> None:
    """Print both comparisons."""
    console = Console()
    shells = [shells_of(name) for name in FIBRILS]
    curved = [{"sphere": name, **shells_of("2x2", wavelength)} for name, wavelength in CURVED]
    console.print(as_table("Amplitude R against a sum over atoms, by q in 1/Å", shells))
    console.print(as_table("The same on a bent Ewald sphere", curved))
    report: dict[str, Any] = {"amplitude_r": shells, "ewald": curved}
    try:
        report["debye"] = isotropic(orientations)
    except ImportError:
        console.print("pyausaxs is not installed: no Debye sums", highlight=False)
    else:
        report["orientations"] = orientations
        console.print(as_table(f"Isotropic average over {orientations} orientations", report["debye"]))
    if json_file:
        write_report(json_file, report)


if __name__ == "__main__":
    typer.run(main)
