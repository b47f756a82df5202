"""The pages for readers: README.md and docs, as text and as a site."""
