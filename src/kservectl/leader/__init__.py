"""Leader election over a Lease."""

from kservectl.leader.election import ElectionMetrics, LeaderElector, LeadershipLost, Timing, new_identity

__all__ = ["ElectionMetrics", "LeaderElector", "LeadershipLost", "Timing", "new_identity"]
