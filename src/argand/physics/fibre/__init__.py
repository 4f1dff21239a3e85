"""Fibres: twist, elastic modes, geometry of residues, and equilibration of simulations."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
