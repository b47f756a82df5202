"""Bounces of mail that went out."""
