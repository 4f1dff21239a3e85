"""A known molecule placed in a crystal: reading it, the search, the verdict."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
