"""The data of the CRM: staged, compared with what is known, and kept."""
