"""The console, `/console`: server-rendered pages, usable without JavaScript."""
