"""What the docs make of the code: the pages of the course, their formulas and their pictures."""
