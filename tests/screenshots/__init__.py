"""Pictures of every page of the console, for docs/console.md."""
