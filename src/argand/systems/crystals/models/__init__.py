"""The models by their names: vectors of structures, and structures of vectors, by one interface."""
