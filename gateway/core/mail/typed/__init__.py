"""Addresses as people type them: understood, or it is said what is wrong with them."""
