"""Beam centre and detector tilt from diffraction images."""

import importlib
from typing import Any

_HOMES = {
    "SYSTEM": ("argand.systems.geometry.system", "Geometry"),
    "Geometry": ("argand.systems.geometry.system", "Geometry"),
    "PRESETS": ("argand.systems.geometry.presets", "PRESETS"),
    "load_predictor": ("argand.systems.geometry.predict", "load"),
    "selftest": ("argand.systems.geometry.predict", "selftest"),
    "cli": ("argand.systems.geometry.cli", None),
}


def __getattr__(name: str) -> Any:
    # Nothing heavy is imported before it is used: `argand --help` must answer at once.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOMES[name]
    home = importlib.import_module(module)
    return home if attribute is None else getattr(home, attribute)
