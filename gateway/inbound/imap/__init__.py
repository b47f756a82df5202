"""IMAP mailboxes: the wire, a session on it, and the folders a mail is moved between."""
