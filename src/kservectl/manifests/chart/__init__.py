"""Charts for Helm, made of the same objects as the kustomize base and its components."""
