"""Mails read in a process of their own: texts, attachments, the forwarded original."""
