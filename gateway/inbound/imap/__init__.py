"""IMAP mailboxes: the connection, a session on it, and the folders mail is moved between."""
