"""The page of a run: what it reads, its table, its views, the film of a path, and the map of structures."""
