"""The queue between what changed and the workers that deal with it."""

from kservectl.workqueue.metrics import QueueMetrics
from kservectl.workqueue.queue import CHANGED, UNCHANGED, ShutDown, WorkQueue
from kservectl.workqueue.rate_limiting import Bucket, KeyBackoff, RateLimiter

__all__ = ["CHANGED", "UNCHANGED", "Bucket", "KeyBackoff", "QueueMetrics", "RateLimiter", "ShutDown", "WorkQueue"]
