"""Many structures: encoded, decoded, altered, interpolated; and what a run leaves in its folder."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
