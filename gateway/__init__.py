"""A mail gateway for CRMs."""

__version__ = "0.1.0"  #: Also the package's (pyproject.toml).
