"""Why a pod cannot be given its model."""


class PodRefused(Exception):
    """The pod cannot run as it is described; the text says why and what to do, and holds nothing of a Secret."""
