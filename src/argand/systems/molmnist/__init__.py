"""Cellulose fibrils, their coherent diffraction, and what a network makes of it."""

import importlib
from typing import Any

_HOMES = {
    "SYSTEM": ("argand.systems.molmnist.system", "Molmnist"),
    "Molmnist": ("argand.systems.molmnist.system", "Molmnist"),
    "PRESETS": ("argand.systems.molmnist.presets", "PRESETS"),
    "FIBRILS": ("argand.systems.molmnist.fibril.fibril", "FIBRILS"),
    "build_fibril": ("argand.systems.molmnist.fibril.fibril", "build_fibril"),
    "load": ("argand.systems.molmnist.benchmark.dataset", "load"),
    "load_predictor": ("argand.systems.molmnist.predict", "load"),
    "selftest": ("argand.systems.molmnist.predict", "selftest"),
    "cli": ("argand.systems.molmnist.cli", None),
}


def __getattr__(name: str) -> Any:
    # Nothing heavy is imported before it is used: `argand --help` must answer at once.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOMES[name]
    home = importlib.import_module(module)
    return home if attribute is None else getattr(home, attribute)
