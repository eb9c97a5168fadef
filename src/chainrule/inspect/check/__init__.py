"""Whether gradients are right, and whether what is switched on does something."""
