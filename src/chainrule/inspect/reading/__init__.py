"""Reading a run of a Program: each number, the calculation that it came from, and how that is written."""
