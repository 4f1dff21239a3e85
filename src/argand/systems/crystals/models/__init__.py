"""The models by their names: vectors of structures, and structures of vectors, by one interface."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
