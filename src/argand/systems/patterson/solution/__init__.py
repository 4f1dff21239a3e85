"""Measured intensities: reflections, search, model, validation, and what a solution leaves in its folder."""
