"""The poster's networks."""
