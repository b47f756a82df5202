"""One module per version, each explicit; `schema.py` is what they add up to."""
