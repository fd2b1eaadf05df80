"""`kservectl agent`: the side car of a model server, with the flags of KServe's agent."""

import asyncio
import os
import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from prometheus_client import CollectorRegistry

from kservectl.agent.events import About
from kservectl.agent.payloads import LogOptions
from kservectl.agent.readiness import VARIABLE, BadProbe, Probe
from kservectl.agent.records import FORMATS
from kservectl.agent.server import Agent, AgentOptions, BatchOptions, LoggerOptions, PullOptions
from kservectl.cli.process import run_until_signal
from kservectl.clock import SystemClock
from kservectl.download.errors import DownloadError
from kservectl.runtime import logging
from kservectl.runtime.supervision import root_cause

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_OWN_MARSHALLER = "http://localhost:9083/marshal"
"""Where KServe's agent marshals for itself; here that needs no connection."""
_MAX_BATCH_SIZE = 32
_MAX_LATENCY = 5000


def seconds_of(text: str) -> float:
    """A duration as Go writes it (`1m30s`, `0`); raises ValueError."""
    if text in ("", "0"):
        return 0.0
    parts = _DURATION.findall(text)
    if "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is no duration; write 500ms, 10s, 1m30s")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


class _Duration(click.ParamType[float]):
    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return value if isinstance(value, float) else seconds_of(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _GoCommand(click.Command):
    """Takes booleans as Go's flags do: `--enable-puller` and `--enable-puller=false`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [word for arg in args for word in _go_boolean(arg)])


def _go_boolean(arg: str) -> list[str]:
    name, equals, value = arg.partition("=")
    if not equals or name not in ("--enable-puller", "--enable-batcher"):
        return [arg]
    return [name] if value.lower() in ("1", "t", "true") else []


@click.command(cls=_GoCommand)
@click.option("--port", default=9081, show_default=True, help="Where requests are taken.")
@click.option("--component-port", default=8080, show_default=True, help="The port of the server behind.")
@click.option("--admin-bind", default=":9082", show_default=True, help="/metrics and /models; empty for nowhere.")
@click.option("--enable-puller", is_flag=True, help="Pull the models that models.json asks for.")
@click.option("--config-dir", default="/mnt/configs", show_default=True, type=click.Path(path_type=Path))
@click.option("--model-dir", default="/mnt/models", show_default=True, type=click.Path(path_type=Path))
@click.option(
    "--local-root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The folder below which file:// and pvc://CLAIM may be read.",
)
@click.option("--enable-batcher", is_flag=True, help="Join requests whose path ends in :predict.")
@click.option("--max-batchsize", default=str(_MAX_BATCH_SIZE), show_default=True, help="Instances of a batch.")
@click.option(
    "--max-latency", default=str(_MAX_LATENCY), show_default=True, help="Milliseconds that the first one waits."
)
@click.option("--log-url", default="", help="Log payloads to this URL.")
@click.option("--log-mode", type=click.Choice(["all", "request", "response"]), default="all", show_default=True)
@click.option("--workers", type=click.IntRange(min=1), default=5, show_default=True, help="Payloads sent at once.")
@click.option("--source-uri", default="", help="The source of the events: the pod.")
@click.option("--inference-service", default="")
@click.option("--namespace", default="")
@click.option("--endpoint", default="")
@click.option("--component", default="")
@click.option("--metadata-headers", multiple=True, help="Headers to log beside the bodies, separated by commas.")
@click.option("--metadata-annotations", multiple=True, help="k=v,…: what else to log.")
@click.option("--log-store-path", default="", help="Store payloads as files of the bucket --log-url, in this folder.")
@click.option("--log-store-format", type=click.Choice([*FORMATS, "parquet"]), default="json", show_default=True)
@click.option("--log-marshaller-url", default=_OWN_MARSHALLER, show_default=True, help="What makes the files.")
@click.option("--log-marshaller-port", default=9083, help="Taken for compatibility: nothing listens there.")
@click.option("--log-batch-size", type=click.IntRange(min=1), default=1, show_default=True, help="Records of a file.")
@click.option("--log-batch-interval", type=_Duration(), default="0", show_default=True, help="Store after, e.g. 10s.")
@click.option("--logger-ca-cert-file", default="service-ca.crt", show_default=True, help="In /etc/tls/logger.")
@click.option("--logger-tls-skip-verify", type=bool, default=False, show_default=True)
@click.option("--drain-seconds", type=click.FloatRange(min=0), default=10.0, show_default=True)
@click.option("--log-format", type=click.Choice(["console", "json"]), default="json", show_default=True)
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
def agent(**given: Any) -> None:
    """Stand before a model server: pull its models, log and batch its requests.

    The environment variable SERVING_READINESS_PROBE holds the server's own probe, by which the agent's readiness goes.
    Credentials for storage come from the environment, as the pod webhook sets it.
    """
    logging.configure(given["log_format"], given["log_level"])
    options = agent_options(given, os.environ)

    async def main(stop: asyncio.Event) -> int:
        serving = Agent(options, clock=SystemClock(), rng=random.SystemRandom(), registry=CollectorRegistry())
        try:
            await serving.run(stop)
        except* DownloadError as errors:
            raise click.ClickException(str(root_cause(errors))) from errors
        return 0

    run_until_signal(main)


def agent_options(given: Mapping[str, Any], environ: Mapping[str, str]) -> AgentOptions:
    """The options that the flags and the environment ask for; raises click.UsageError."""
    port = given["component_port"]
    try:
        probe = Probe.parse(environ.get(VARIABLE, ""), port)
    except BadProbe as error:
        raise click.UsageError(str(error)) from error
    return AgentOptions(
        bind=f":{given['port']}",
        admin_bind=given["admin_bind"],
        component=f"http://127.0.0.1:{port}",
        probe=probe,
        pull=_pull(given) if given["enable_puller"] else None,
        logger=_logger(given, environ) if given["log_url"] else None,
        batch=_batch(given) if given["enable_batcher"] else None,
        drain=given["drain_seconds"],
        environ=environ,
    )


def _pull(given: Mapping[str, Any]) -> PullOptions:
    return PullOptions(given["config_dir"], given["model_dir"], given["local_root"])


def _batch(given: Mapping[str, Any]) -> BatchOptions:
    size = _number(given["max_batchsize"], "--max-batchsize", _MAX_BATCH_SIZE)
    return BatchOptions(size, _number(given["max_latency"], "--max-latency", _MAX_LATENCY) / 1000)


def _number(text: str, name: str, otherwise: int) -> int:
    """A positive number; nothing, or one that is not positive, means `otherwise`, as to KServe's agent."""
    try:
        number = int(text or 0)
    except ValueError as error:
        raise click.UsageError(f"{name} {text!r} is no number") from error
    return number if number > 0 else otherwise


def _logger(given: Mapping[str, Any], environ: Mapping[str, str]) -> LoggerOptions:
    marshaller = given["log_marshaller_url"]
    own = marshaller in ("", _OWN_MARSHALLER)
    if given["log_store_path"] and own and given["log_store_format"] not in FORMATS:
        raise click.UsageError(
            f"--log-store-format {given['log_store_format']} needs a marshaller that can: --log-marshaller-url names none"
        )
    about = About(
        # The webhook knows no name of a pod whose name is made by the server; the pod does.
        source=given["source_uri"] or environ.get("HOSTNAME", ""),
        inference_service=given["inference_service"],
        namespace=given["namespace"],
        component=given["component"],
        endpoint=given["endpoint"],
        annotations=dict(_pair(entry) for entry in _listed(given["metadata_annotations"])),
    )
    log = LogOptions(
        mode=given["log_mode"],
        workers=given["workers"],
        batch_size=given["log_batch_size"] if given["log_store_path"] else 1,
        batch_seconds=given["log_batch_interval"],
        metadata_headers=_listed(given["metadata_headers"]),
    )
    return LoggerOptions(
        given["log_url"],
        about,
        log,
        store_path=given["log_store_path"],
        store_format=given["log_store_format"],
        marshaller_url="" if own else marshaller,
        ca_file=given["logger_ca_cert_file"],
        tls_skip_verify=given["logger_tls_skip_verify"],
    )


def _listed(values: Sequence[str]) -> list[str]:
    """The members of lists that are written with commas."""
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def _pair(entry: str) -> tuple[str, str]:
    name, _, value = entry.partition("=")
    return name, value
