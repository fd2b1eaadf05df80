"""Simulated workloads: what kube-controller-manager, a scheduler, a kubelet and a gateway controller would do.

Each is an ordinary controller on kservectl's own runtime: a pure reconcile function from an object and a view to an
outcome. Nothing is run; pods turn Ready because some time has passed.
"""
