"""The devcluster beside a real kube-apiserver: the same requests to both, and the same answers expected.

`generation.py` makes requests up, `side.py` sends them to one server, `canonical.py` takes out of the answers what no two
servers have in common, and `objects.py` holds the objects that the requests are about.
"""
