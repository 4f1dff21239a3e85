"""Predictors: what every one does alike, that of bundles, and that of the ten fibrils and of molecules."""
