"""Patterson maps of equal atoms: superpositions, atoms, refinement, and iteration where those fail."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
