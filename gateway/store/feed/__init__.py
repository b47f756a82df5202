"""What the CRM tells, staged, compared and kept."""
