"""New crystals: templates, elements for their sites, sampling, and the network behind it."""
