"""Replies that transactions of both purposes, or several of their parts, give (RFC 5321, 4.2)."""

from gateway.core.mail.reply import Reply

RECIPIENT_TAKEN = Reply.of("250 2.1.5 Ok")
TOO_MANY_RECIPIENTS = Reply.of("452 4.5.3 Too many recipients")
CLIENT_GONE = Reply.of("451 4.4.2 The connection was lost before the end")  #: For the journal.
