"""After the network: shapes fitted to patterns, and whether to believe them."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
