"""One training loop for all systems: streams of simulated samples, budget, resume, precision, logs."""
