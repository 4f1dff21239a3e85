"""Predictors: what every one does alike, that of bundles, and that of the ten fibrils and of molecules."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
