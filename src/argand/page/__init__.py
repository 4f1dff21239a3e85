"""The page of a run: one HTML file; systems give its parts."""
