"""From measured intensities to atoms: normalisation, maps, phases, models and their refinement."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
