"""People as the CRM tells of them, their applications and their history."""
