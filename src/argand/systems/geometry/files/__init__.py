"""Predictions for many files, and the output folder of a run."""
