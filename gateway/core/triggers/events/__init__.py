"""The events triggers mail on, a module each."""
