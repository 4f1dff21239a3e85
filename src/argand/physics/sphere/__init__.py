"""Equal spheres on voxels: densities, Patterson maps, and inverse methods, as published."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
