"""Crystal structures as short vectors, and back."""

from argand.system import loaded_late

__all__, __getattr__, __dir__ = loaded_late(
    __name__,
    {
        "SYSTEM": ("system", "Crystals"),
        "Crystals": ("system", "Crystals"),
        "PRESETS": ("presets", "PRESETS"),
        "load_predictor": ("predict", "load"),
        "selftest": ("predict", "selftest"),
        "cli": ("files.cli", None),
    },
)
