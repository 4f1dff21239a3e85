"""Pieces of networks that systems share."""
