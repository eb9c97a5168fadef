"""Statistics of single steps, sampled now and then in a run: what the training Program knows on the way, at next to no cost."""
