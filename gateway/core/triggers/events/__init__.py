"""The events triggers mail on, one module each."""
