"""What all verbs over many items share: answers and failures, records, output folders with their page."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
