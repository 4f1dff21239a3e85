"""Atoms from Patterson maps and from measured intensities."""

import importlib
from typing import Any

_HOMES = {
    "SYSTEM": ("argand.systems.patterson.system", "Patterson"),
    "Patterson": ("argand.systems.patterson.system", "Patterson"),
    "PRESETS": ("argand.systems.patterson.presets", "PRESETS"),
    "load_predictor": ("argand.systems.patterson.predict", "load"),
    "selftest": ("argand.systems.patterson.predict", "selftest"),
    "cli": ("argand.systems.patterson.cli", None),
}


def __getattr__(name: str) -> Any:
    # Nothing heavy is imported before it is used: `argand --help` must answer at once.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOMES[name]
    home = importlib.import_module(module)
    return home if attribute is None else getattr(home, attribute)
