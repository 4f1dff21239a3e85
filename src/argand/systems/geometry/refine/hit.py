"""Definition of a hit."""

HIT_SPOTS = 16
"""Least number of spots of a hit: the default of dials.stills_process
(dispatch.hit_finder.minimum_number_of_reflections), which counts its own spots."""
