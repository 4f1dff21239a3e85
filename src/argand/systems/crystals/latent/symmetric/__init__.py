"""Short vectors of crystals: only what the space group leaves free."""
