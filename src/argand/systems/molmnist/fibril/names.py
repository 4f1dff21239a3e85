"""Names of the fibrils, without the module that builds them, which is slow to import."""

FIBRILS = (*(f"{n}x{n}" for n in range(2, 10)), "hexagonal-24", "hexagonal-36")
"""Names of the ten published fibrils; a fibril's place here is its class.

The kinds and the numbers of chains are as published; whether the paper says how many of them each sheet of a
hexagonal one has could not be checked."""
