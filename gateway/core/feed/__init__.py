"""What stands in the CRM's files, understood."""
