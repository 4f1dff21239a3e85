"""The card of the network of frameworks: its training, its figures and its limits."""

from pathlib import Path

from argand.io.weights import load_weights
from argand.systems.crystals.generation.framework_training import WEIGHTS
from argand.systems.crystals.generation.generator_card import Tables, save_with_tables

LIMITS = [
    "Primitive cells of up to 20 atoms of the Materials Project; theoretical structures among them.",
    "Energies were never seen: what is drawn is to be relaxed, and may be unstable.",
    "Free coordinates are steps of a 96th of the cell; where many are free they are drawn worst.",
    "Whether a framework is new is told up to a tolerance of 0.1 Å, and by cells of up to 20 atoms.",
    "Elements and space groups that are rare in the pool are rare in what is drawn.",
]


def keep_figures(figures: Tables, source: Path = WEIGHTS, weights: Path = WEIGHTS) -> Path:
    """Keep the weights of `source` at half precision, with tables of figures, in `weights`, and their card.

    `figures` are rows by title; the first entry of a row is its name. Gives the card.
    """
    state, header = load_weights(source)
    about = {
        "limits": LIMITS,
        "load": "argand.systems.crystals.generation.framework_training.load_frameworks_network()",
    }
    halved = {name: tensor.half() for name, tensor in state.items()}
    return save_with_tables(weights, halved, header, figures, "frameworks", about)
