"""Atoms from Patterson maps and from measured intensities."""
