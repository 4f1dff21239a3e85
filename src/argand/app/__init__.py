"""Pages and the local application."""
