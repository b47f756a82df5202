"""A mail gateway for CRMs."""

__version__ = "0.1.0"  #: Of the package too (pyproject.toml).
