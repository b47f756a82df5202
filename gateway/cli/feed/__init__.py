"""Commands on the CRM's feed."""
