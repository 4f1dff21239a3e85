"""After the network: shapes fitted to patterns, and whether to believe them."""
