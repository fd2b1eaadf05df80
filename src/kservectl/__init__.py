"""kservectl: a control plane for KServe."""
