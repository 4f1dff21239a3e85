"""Many maps: one answer each, and what a run leaves in its folder."""
