"""Names that the verbs complete and list, without the modules behind them, which are slow to import."""

TRAINED = ("chains", "best", "standard", "published", "tiny")
"""Presets that `train` lists."""
SIMULATED = ("standard", "hard", "published", "tiny")
"""Presets that `simulate` lists."""
SETS = ("standard", "hard", "published")
"""Data sets that `load` makes by name."""
CONDITIONS = {
    "standard": (
        "noise-free",
        "1e6-photons",
        "1e4-photons",
        "beam-stop",
        "small-window",
        "published-set",
    ),
    "hard": ("as-drawn", "1e6-photons", "1e4-photons", "1e3-photons", "1e2-photons", "clean"),
}
"""Names of the conditions of each set that is scored."""
