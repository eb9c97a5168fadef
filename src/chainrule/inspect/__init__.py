"""Reading a step: where every number comes from."""
