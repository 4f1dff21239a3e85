"""Cellulose fibrils, their coherent diffraction, and what a network makes of it."""

from argand.system import loaded_late

__all__, __getattr__, __dir__ = loaded_late(
    __name__,
    {
        "SYSTEM": ("system", "Molmnist"),
        "Molmnist": ("system", "Molmnist"),
        "PRESETS": ("presets", "PRESETS"),
        "Imaging": ("simulate", "Imaging"),
        "read_structures": ("structures.source", "read_structures"),
        "FIBRILS": ("fibril.fibril", "FIBRILS"),
        "build_fibril": ("fibril.fibril", "build_fibril"),
        "Pairs": ("benchmark.pairs", "Pairs"),
        "load": ("benchmark.dataset", "load"),
        "open_pairs": ("benchmark.pairs", "open_pairs"),
        "load_predictor": ("predict", "load"),
        "selftest": ("predict", "selftest"),
        "cli": ("cli", None),
    },
)
