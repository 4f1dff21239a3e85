"""Energies by a published potential: relaxation, and how far above the hull of known phases a crystal is."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
