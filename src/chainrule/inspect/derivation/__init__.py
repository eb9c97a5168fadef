"""The chain rule of one weight, written out."""
