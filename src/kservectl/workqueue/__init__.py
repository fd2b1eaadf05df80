"""The queue between what changed and the workers that deal with it."""

from kservectl.workqueue.metrics import QueueMetrics
from kservectl.workqueue.queue import CHANGED, UNCHANGED, UNDER_WAY, ShutDown, WorkQueue
from kservectl.workqueue.rate_limiting import Bucket, KeyBackoff, RateLimiter

__all__ = [
    "CHANGED",
    "UNCHANGED",
    "UNDER_WAY",
    "Bucket",
    "KeyBackoff",
    "QueueMetrics",
    "RateLimiter",
    "ShutDown",
    "WorkQueue",
]
