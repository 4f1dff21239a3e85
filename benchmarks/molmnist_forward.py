"""How accurate the patterns are: against sums over atoms, and against an independent Debye program.

    python benchmarks/molmnist_forward.py --json benchmarks/results/molmnist_forward.json

The amplitude R is Σ | |F| - |F direct| | / Σ |F direct| over 200 pixels of each shell of q, for one variant
of a fibril. The isotropic average of |F|² over random orientations of a short fibril is compared with Debye's
formula, Σ Σ f f sin(qr)/(qr): summed here over all pairs with the same form factors, and as
DebyeCalculator (extra `bench`) computes it with its own. That program counts a pair once, so that its
intensity is half of |F|²; it is doubled. The beam's directions lie on a Fibonacci spiral over the sphere,
since a fibre's layer lines are sharp in direction and random orientations sample them badly.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from report import as_table, write_report
from rich.console import Console
from scipy.spatial.distance import pdist
from scipy.spatial.transform import Rotation

from argand.physics.coherent.composition import ELECTRONS
from argand.physics.coherent.projection import Camera, Window, scattering_factors
from argand.systems.molmnist.benchmark.forward_accuracy import amplitude_r
from argand.systems.molmnist.fibril.fibril import FIBRILS, Fibril, build_fibril
from argand.systems.molmnist.simulate import Scene

SHELLS = ((0.0, 0.3), (0.3, 1.0), (1.0, 1.7), (1.7, 2.5))
WHOLE = (0.0, 1.7)
CURVED = (("flat", None), ("X-rays of 1 Å", 1.0))
DEBYE_SHELLS = ((0.1, 0.3), (0.3, 0.6), (0.6, 1.0), (1.0, 1.4), (1.4, 1.7))
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
    """Mean |F|² over orientations and the pixels of a shell over Debye's sums at the pixels' own q."""
    fibril = build_fibril(*SHORT)
    camera = Camera(set(ELECTRONS), DEBYE_WINDOW)
    members, q = Scene(fibril.elements).members, DEBYE_WINDOW.q
    shells = [(q >= low) & (q < high) for low, high in DEBYE_SHELLS]
    found = np.empty((orientations, len(shells)))
    for place, rotation in enumerate(spiral(orientations)):
        cart = fibril.cart @ rotation.T
        intensity = camera.intensity({name: cart[atoms] for name, atoms in members.items()})
        found[place] = [intensity[inside].mean() for inside in shells]
    other = debye_calculator(fibril)
    rows = []
    for (low, high), inside, values in zip(DEBYE_SHELLS, shells, found.T, strict=True):
        exact = debye(fibril, q[inside])
        rows.append(
            {
                "q": f"{low:g}-{high:g}",
                "debye": float(exact.mean()),
                "projected_over_debye": float(values.mean() / exact.mean()),
                "debyecalculator_over_debye": other and float(other(q[inside]).mean() / exact.mean()),
            }
        )
    return rows


def spiral(count: int) -> Iterator[np.ndarray]:
    """Rotations that bring evenly spread directions to the beam, each turned about it by the golden angle."""
    golden = np.pi * (3 - np.sqrt(5))
    for number in range(count):
        along, turn = 1 - (2 * number + 1) / count, number * golden
        tilt = Rotation.from_euler("y", -np.arccos(along)) * Rotation.from_euler("z", -turn)
        yield (Rotation.from_euler("z", turn) * tilt).as_matrix()


def debye(fibril: Fibril, q: np.ndarray) -> np.ndarray:
    """Debye's sum at each q, over all pairs of atoms."""
    distance = pdist(fibril.cart)
    first, second = np.triu_indices(len(fibril), 1)
    places, back = np.unique(q.round(6), return_inverse=True)
    factors = scattering_factors(set(ELECTRONS), places)
    values = []
    for number, one in enumerate(places):
        weight = np.array([factors[kind][number] for kind in fibril.elements])
        pairs = weight[first] * weight[second] * np.sinc(one * distance / np.pi)
        values.append(float(weight @ weight + 2 * pairs.sum()))
    return np.array(values)[back]


def debye_calculator(fibril: Fibril) -> Callable[[np.ndarray], np.ndarray] | None:
    """DebyeCalculator's intensity as a function of q, without thermal motion; None where it is missing."""
    try:
        from debyecalculator import DebyeCalculator  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    program = DebyeCalculator(qmin=0.05, qmax=1.75, qstep=0.01, biso=0.0, device="cpu")
    q, intensity = program.iq((list(fibril.elements), fibril.cart.astype(np.float32)))
    return lambda wanted: 2 * np.interp(wanted, np.asarray(q), np.asarray(intensity))


def finely(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with their numbers to four places, as a table takes them."""
    return [{key: f"{v:.4f}" if isinstance(v, float) else v for key, v in row.items()} for row in rows]


def main(
    orientations: Annotated[int, typer.Option(help="Of the isotropic average.", min=10)] = 4000,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here as well")] = None,
) -> None:
    """Print both comparisons."""
    console = Console()
    shells = [shells_of(name) for name in FIBRILS]
    curved = [{"sphere": name, **shells_of("2x2", wavelength)} for name, wavelength in CURVED]
    console.print(as_table("Amplitude R against a sum over atoms, by q in 1/Å", finely(shells)))
    console.print(as_table("The same on a bent Ewald sphere", finely(curved)))
    averages = isotropic(orientations)
    console.print(as_table(f"Isotropic average over {orientations} orientations", finely(averages)))
    if averages[0]["debyecalculator_over_debye"] is None:
        console.print("DebyeCalculator is not installed: its sums are left out", highlight=False)
    report = {"amplitude_r": shells, "ewald": curved, "orientations": orientations, "debye": averages}
    if json_file:
        write_report(json_file, report)


if __name__ == "__main__":
    typer.run(main)
