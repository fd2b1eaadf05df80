"""kservectl: a control plane for KServe."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("kservectl")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0.0.0"
