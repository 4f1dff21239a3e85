"""A molecule that is known placed in a crystal: reading it, the search, what is believed."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
