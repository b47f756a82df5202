"""The proxy between a CRM and its relay; AUTH and STARTTLS are aiosmtpd's, the rest is ours."""
