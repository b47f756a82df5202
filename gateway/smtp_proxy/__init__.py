"""The proxy between a CRM and its relay: aiosmtpd's SMTP with hot verbs of our own."""
