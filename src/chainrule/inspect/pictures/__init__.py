"""What the pictures of a run show, as plain data: the report draws them as SVG, and ``run.plot`` with matplotlib."""
