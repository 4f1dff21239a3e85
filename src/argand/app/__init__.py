"""`argand app`: the local web page over all four systems, and the JSON API under it."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
