"""Textbook examples: a network with its weights, a batch, a loss and a rule in one readable file, and the training step that it is."""
