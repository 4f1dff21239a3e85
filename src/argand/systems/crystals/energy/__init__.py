"""Energies by a published potential: relaxation, and how far above the hull of known phases a crystal is."""
