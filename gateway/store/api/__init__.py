"""The API's tokens, and requests that may come again."""
