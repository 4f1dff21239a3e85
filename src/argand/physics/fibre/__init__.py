"""Fibres: their twist, elastic modes, geometry of residues, and when a simulation is in equilibrium."""
