"""Tables: what was read, what each column means, and how rows become numbers."""
