"""Molecules of one's own: what a set is made of, and how its samples and shapes are drawn."""
