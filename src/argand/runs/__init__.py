"""The one course of every verb over many items, and what the verbs of all systems share."""
