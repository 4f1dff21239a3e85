"""Atoms, cells and beam geometry out of scattering data, with neural networks that know physics."""

__version__ = "0.1.0"
