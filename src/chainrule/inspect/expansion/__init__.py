"""Composites written out in primitives, beside the fused rule that the engine uses."""
