"""Commands that are killed at any moment and run again end as if nothing had been: see CONTRIBUTING.md."""
