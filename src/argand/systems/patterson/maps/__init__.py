"""Patterson maps of equal atoms: superpositions, atoms, refinement, and iteration where those fail."""
