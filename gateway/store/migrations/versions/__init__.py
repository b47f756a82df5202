"""One module per version, each explicit; `store.schema` is what they add up to."""
