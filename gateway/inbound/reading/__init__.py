"""Parsing mail in a separate process: texts, attachments, the forwarded original."""
