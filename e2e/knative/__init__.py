"""Knative Serving's own controller on the real cluster, built from its Go module into a folder of the cache of its own.

What it needs of other programs, a cluster without a network cannot give it: the autoscaler looks at the metrics of pods that do
not run, and an ingress controller programs a gateway. `stand_ins.py` says what those two would say.
"""
