"""The beam centre against time over many runs: the verb drift."""
