"""The network behind the linear code of a box: what the code leaves out, and sharp maps of atoms."""

from argand.system import listed_modules

__all__, __getattr__, __dir__ = listed_modules(__name__, __path__)
