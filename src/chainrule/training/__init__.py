"""Training: a step, the loop around it, and what is measured of the result."""
