"""What runs a Program."""
