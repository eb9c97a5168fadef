"""The course: lessons, glossary, flash cards. Its content is data under ``content/``, and every number in it comes from the engine."""
