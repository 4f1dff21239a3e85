"""Cellulose fibrils from the crystal structure, and their files."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
