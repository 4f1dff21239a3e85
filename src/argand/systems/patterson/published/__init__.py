"""The published reading, figures and trainings that are compared."""
