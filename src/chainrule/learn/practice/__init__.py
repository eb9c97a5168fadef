"""Practice: exercises from templates and the engine, slips that are diagnosed, spaced repetition, tests and exports."""
