"""Addresses as people type them: understood, or refused with an explanation."""
