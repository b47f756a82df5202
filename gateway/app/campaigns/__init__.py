"""What is done with campaigns by the command line, the API and the roles."""
