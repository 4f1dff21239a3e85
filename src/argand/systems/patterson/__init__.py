"""Atoms from Patterson maps and from measured intensities."""

from argand.system import loaded_late

__all__, __getattr__, __dir__ = loaded_late(
    __name__,
    {
        "SYSTEM": ("system", "Patterson"),
        "Patterson": ("system", "Patterson"),
        "PRESETS": ("presets", "PRESETS"),
        "load_predictor": ("predict", "load"),
        "selftest": ("predict", "selftest"),
        "cli": ("cli", None),
    },
)
