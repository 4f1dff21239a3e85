"""The published networks: their training in sequence, and structures from what they decode."""
