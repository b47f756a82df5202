"""The proxy between a CRM and its relay: aiosmtpd's SMTP with our own MAIL, RCPT and DATA."""
