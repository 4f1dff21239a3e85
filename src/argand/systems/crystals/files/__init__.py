"""Many structures: encoded, decoded, altered, interpolated; and what a run leaves in its folder."""
