"""After the network: which evidence decides, and the answer."""
