"""The journal's records: messages and their deliveries, tries to send them, words to find them."""
