"""What can go wrong with the cluster, said so that a person knows what to do next."""

__all__ = ["BuildError", "ClusterError", "ComponentError", "RequestError"]


class ClusterError(Exception):
    """Something about the cluster failed; the message names the step and the place to look."""


class BuildError(ClusterError):
    """A program or a file that the cluster needs could not be made."""


class ComponentError(ClusterError):
    """A component did not start, died, or did not become ready in time."""


class RequestError(ClusterError):
    """The API server answered a request with an error, or not at all."""
