"""The card of the network of occupations: its training, its figures and its limits."""

from pathlib import Path

from argand.io.weights import load_weights
from argand.systems.crystals.generation.generator_card import Tables, save_with_tables
from argand.systems.crystals.generation.occupation_training import WEIGHTS

LIMITS = [
    "Cells of up to 20 atoms and 8 elements of the Materials Project; theoretical structures among them.",
    "It judges which elements fit, not whether a structure is stable: energies were never seen.",
    "All sites of one element are drawn together; places and the shape of the cell stay the prototype's.",
    "Elements that are rare in the pool (noble gases, actinides) are rare in what is drawn.",
]


def keep_figures(figures: Tables, weights: Path = WEIGHTS) -> Path:
    """Keep tables of figures in the header of the weights and write the card beside them.

    `figures` are rows by title; the first entry of a row is its name. Gives the card.
    """
    state, header = load_weights(weights)
    about = {
        "limits": LIMITS,
        "load": "argand.systems.crystals.generation.occupation_training.load_occupation()",
    }
    return save_with_tables(weights, state, header, figures, "occupation", about)
