"""Actions on campaigns, for the command line, the API and the roles."""
