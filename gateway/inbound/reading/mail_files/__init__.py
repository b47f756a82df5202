"""Mails in the files of mail programs: Outlook, Apple Mail, mailbox files."""
