"""What KServe serves and reads, as pydantic models: its kinds, the keys of its ConfigMap, and the CRDs made from them."""
