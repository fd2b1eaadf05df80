"""Caches of what the API server holds, kept current by list and watch."""

from kservectl.informers.factory import InformerFactory
from kservectl.informers.handlers import Change, Handler
from kservectl.informers.informer import Informer, InformerSpec
from kservectl.informers.metrics import InformerMetrics
from kservectl.informers.store import Store, StoreWriter

__all__ = [
    "Change",
    "Handler",
    "Informer",
    "InformerFactory",
    "InformerMetrics",
    "InformerSpec",
    "Store",
    "StoreWriter",
]
