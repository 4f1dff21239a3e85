"""Short vectors of crystals: only what the space group leaves free."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
