"""What the process tells the agent about where it runs."""

from dataclasses import dataclass

from kservectl.api.config import DEFAULT_NAMESPACE


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """`node` is the node's name; `job_namespace` the namespace whose Jobs are watched, fixed at start.

    `system_namespace` holds the ConfigMap `inferenceservice-config`.
    """

    node: str
    job_namespace: str
    system_namespace: str = DEFAULT_NAMESPACE
