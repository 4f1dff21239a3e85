"""Which images are hard, and why."""
