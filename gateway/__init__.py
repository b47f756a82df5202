"""A mail gateway for CRMs."""
