"""The published networks: their training in sequence, and structures from what they decode."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
