"""Many known structures: data sets, fingerprints and their index."""
