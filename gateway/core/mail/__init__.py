"""Mail itself: addresses, envelopes, headers, content, SMTP replies, DSNs."""
