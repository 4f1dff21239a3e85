"""The benchmark: data sets, conditions, baselines, scores and models."""
