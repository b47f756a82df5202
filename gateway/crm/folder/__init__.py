"""The feed's folder: the files dropped there, and what became of them."""
