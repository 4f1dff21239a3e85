"""The training loop of all systems: streams of simulated samples, budget, resuming, precision, logs."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
