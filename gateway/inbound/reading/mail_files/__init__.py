"""Mails in the files of mail programs: of Outlook, of Apple Mail, of mailboxes."""
