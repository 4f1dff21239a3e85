"""Pure functions of physics: arrays in, arrays out; no files, no networks."""
