"""Runs with something wrong, and healthy ones: how often a diagnosis names the cause, and how often it raises a false alarm."""
