"""A whole cluster in one process to develop against: API server, simulated workloads, and the manager on it."""
