"""What the contents of the CRM's files mean."""
