"""A molecule that is known placed in a crystal: reading it, the search, what is trusted."""
