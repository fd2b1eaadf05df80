"""A model-based run: a user and trouble do as the dice say, and in the end the cluster is what it was asked to be.

`python -m e2e.chaos --seed N --minutes M` (`make chaos`) runs the devcluster and its simulated workloads in this process, and
managers as processes of their own on it. `user` asks for `changes` and keeps what was granted (the model), `trouble` breaks
things, `stand` is what they work on, and `judgement` compares at the end, when all trouble is over.
"""
