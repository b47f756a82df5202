"""People as the CRM has them, their applications and their history."""
