"""Molecules of one's own: what a set is made of, and how its samples and shapes are drawn."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
