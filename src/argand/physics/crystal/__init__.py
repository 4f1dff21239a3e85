"""Crystals: cells, symmetry, elements, structures, their bonds and their Fourier coefficients."""
