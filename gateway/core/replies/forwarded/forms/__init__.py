"""The forms in which programs write the header of a forwarded mail, each with its reader."""
