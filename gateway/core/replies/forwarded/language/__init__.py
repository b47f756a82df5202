"""The words and months that mail programs write above a forwarded mail: data."""
