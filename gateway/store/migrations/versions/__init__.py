"""One module per version, each written out in full; `store.schema` is their sum."""
