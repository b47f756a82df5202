"""The feed's folder: the files dropped there, and their outcome."""
