"""Pages of a run: what an answer, the list of all answers, and the words of both look like."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
