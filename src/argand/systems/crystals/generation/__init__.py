"""New crystals: templates, elements for their sites, sampling, and the network behind it."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
