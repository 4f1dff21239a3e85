"""The parts of the page of a run: the card of an answer with its plots, its chains and its words."""
