"""The parts of the page of a run: the card of an answer with its plots, its chains and its words."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
