"""Validation of objects that are about to be stored: every rule answers with causes, in the API server's words."""
