"""`gateway check`: what is looked at, subject by subject."""
