"""The page of a run: what it reads, its table, its views, the film of a path, and the map of structures."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
