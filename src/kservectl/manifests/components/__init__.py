"""Variants of an installation, each of which can be had beside any other: as kustomize components, and as values of the chart."""
