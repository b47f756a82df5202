"""Mail itself: addresses, envelopes, headers, content, replies of SMTP, DSNs."""
