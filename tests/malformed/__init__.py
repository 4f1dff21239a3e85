"""Inputs that are wrong, made anew from a seed, and what argand makes of them: see CONTRIBUTING.md."""
