"""Crystal structures as short vectors, and back."""

import importlib
from typing import Any

_HOMES = {
    "SYSTEM": ("argand.systems.crystals.system", "Crystals"),
    "Crystals": ("argand.systems.crystals.system", "Crystals"),
    "PRESETS": ("argand.systems.crystals.presets", "PRESETS"),
    "load_predictor": ("argand.systems.crystals.predict", "load"),
    "selftest": ("argand.systems.crystals.predict", "selftest"),
    "cli": ("argand.systems.crystals.files.cli", None),
}


def __getattr__(name: str) -> Any:
    # Nothing heavy is imported before it is used: `argand --help` must answer at once.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOMES[name]
    home = importlib.import_module(module)
    return home if attribute is None else getattr(home, attribute)
