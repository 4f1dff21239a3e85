"""Many patterns: one answer each, and what a run leaves in its folder."""
