"""Variants of fibrils: elastic networks, molecular dynamics, and the fit of one to the other."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
