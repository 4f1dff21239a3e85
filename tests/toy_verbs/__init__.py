"""A system with verbs for tests of the app."""
