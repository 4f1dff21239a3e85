"""Beam centre and detector tilt from diffraction images."""

from argand.system import loaded_late

__all__, __getattr__, __dir__ = loaded_late(
    __name__,
    {
        "SYSTEM": ("system", "Geometry"),
        "Geometry": ("system", "Geometry"),
        "PRESETS": ("presets", "PRESETS"),
        "load_predictor": ("predict", "load"),
        "selftest": ("predict", "selftest"),
        "cli": ("cli", None),
    },
)
