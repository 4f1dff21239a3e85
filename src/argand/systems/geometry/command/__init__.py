"""The verbs over images and results, and the options that they share."""
