"""Leader election over a Lease, and work shared among several holders of Leases."""

from kservectl.leader.election import ElectionMetrics, LeaderElector, LeadershipLost, Timing, new_identity
from kservectl.leader.sharding import ShardMember, ShardMetrics

__all__ = [
    "ElectionMetrics",
    "LeaderElector",
    "LeadershipLost",
    "ShardMember",
    "ShardMetrics",
    "Timing",
    "new_identity",
]
