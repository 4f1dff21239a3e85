"""From measured intensities to atoms: normalising, maps, phases, models and their refinement."""
