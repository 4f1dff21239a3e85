"""Fibres: their twist, elastic modes, geometry of residues, and when a simulation is in equilibrium."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
