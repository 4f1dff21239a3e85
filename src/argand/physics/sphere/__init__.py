"""Equal spheres on voxels: their densities, Patterson maps, and the ways back, as published."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
