"""The beam centre against time over many runs: the verb drift."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
