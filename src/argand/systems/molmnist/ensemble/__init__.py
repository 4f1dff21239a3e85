"""Variants of fibrils: elastic networks, molecular dynamics, and the fit of one to the other."""
