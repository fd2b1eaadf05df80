"""Command line arguments that a component's server needs to find its predictor, unless the user gave them already."""

from collections.abc import Sequence

from kservectl.controllers.inferenceservice.deployment import DEFAULT_PORT

MODEL_NAME = "--model_name"
PREDICTOR_HOST = "--predictor_host"
HTTP_PORT = "--http_port"
WORKERS = "--workers"


def is_given(flag: str, args: Sequence[str]) -> bool:
    """Whether one of the arguments is `flag` or starts with it."""
    return any(arg.startswith(flag) for arg in args)


def connection(
    args: Sequence[str], *, service: str, predictor_host: str, workers: int | None, always_port: bool = False
) -> list[str]:
    """What is missing in `args` of model name, predictor's host, port and number of workers, flag and value apart.

    `always_port` adds the port even where one is given.
    """
    wanted = [(MODEL_NAME, service), (PREDICTOR_HOST, predictor_host), (HTTP_PORT, str(DEFAULT_PORT))]
    if workers is not None:
        wanted.append((WORKERS, str(workers)))
    missing: list[str] = []
    for flag, value in wanted:
        if not is_given(flag, args) or (always_port and flag == HTTP_PORT):
            missing += [flag, value]
    return missing
