"""Pure functions on Kubernetes objects held as plain dicts: metadata, quantities, merging, comparing. No I/O, no state."""
