"""Network building blocks shared by the systems."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
