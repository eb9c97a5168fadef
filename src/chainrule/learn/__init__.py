"""The course: lessons, glossary, flash cards, practice. Its content is data under ``content/``, every number in it is the engine's."""
