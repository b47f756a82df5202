"""The API's tokens, and requests that may be repeated."""
