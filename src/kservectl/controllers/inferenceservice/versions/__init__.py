"""Versions of an InferenceService's spec: those that were Ready are kept, and the service can return to one of them."""
