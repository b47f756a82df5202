"""Bounces and complaints: what they say, and which recipients they are about."""
