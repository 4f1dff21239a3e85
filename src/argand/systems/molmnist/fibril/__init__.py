"""Cellulose fibrils from the crystal structure, and their files."""
