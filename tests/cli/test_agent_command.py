"""`kservectl agent`: the flags with which the pod webhook starts it, and the image that knows no command."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp
import click
import pytest

from kservectl.agent.events import About
from kservectl.agent.readiness import Probe
from kservectl.agent.server import AgentOptions, BatchOptions, PullOptions
from kservectl.cli import agent as command
from kservectl.cli.agent import agent_options, seconds_of
from tests.admission.pods.samples import container, context, pod, spec
from tests.agent.model_server import ModelServer, model_server
from tests.download.files import FileServer, serving


def options(args: Sequence[str], environ: Mapping[str, str] | None = None) -> AgentOptions:
    with command.agent.make_context("agent", list(args)) as context:
        return agent_options(context.params, environ or {})


def refusal(args: Sequence[str], environ: Mapping[str, str] | None = None) -> str:
    with pytest.raises(click.UsageError) as refused:
        options(args, environ)
    return refused.value.format_message()


def test_it_understands_whatever_the_webhook_writes() -> None:
    logger = {
        "defaultUrl": "http://broker",
        "storage": {"path": "/logs", "parameters": {"format": "csv"}},
        "marshallerUrl": "http://marshaller",
        "batchSize": 5,
        "batchInterval": "10s",
        "caCertFile": "ca.crt",
    }
    notes = {"configVolumeName": "models", "configMountPath": "/mnt/configs", "modelDir": "/mnt/models"}
    labels = {"serving.kserve.io/inferenceservice": "iris", "component": "predictor"}
    probed = container(ports=[{"containerPort": 9000}], readinessProbe={"httpGet": {"path": "/x", "port": 9000}})
    asked = pod(probed, labels=labels, logger="true", batcher="true", agent="true", **notes)
    found = next(each for each in spec(asked, context(logger=logger))["containers"] if each["name"] == "agent")

    given = options(found["args"], {entry["name"]: entry["value"] for entry in found["env"]})

    assert given.component == "http://127.0.0.1:9000"
    assert given.probe == Probe("127.0.0.1", 9000, "http://127.0.0.1:9000/x")
    assert given.pull == PullOptions(Path("/mnt/configs"), Path("/mnt/models"))
    assert given.batch == BatchOptions(32, 5.0)
    assert given.logger is not None
    assert given.logger.about.inference_service == "iris"
    assert (given.logger.store_path, given.logger.log.batch_size, given.logger.log.batch_seconds) == ("/logs", 5, 10.0)


def test_without_flags_it_only_passes_on() -> None:
    found = options([])
    assert (found.bind, found.component) == (":9081", "http://127.0.0.1:8080")
    assert (found.pull, found.logger, found.batch, found.probe) == (None, None, None, None)


def test_the_puller_is_told_its_folders() -> None:
    found = options(["--enable-puller", "--config-dir", "/c", "--model-dir", "/m", "--component-port", "8085"])
    assert found.pull == PullOptions(Path("/c"), Path("/m"))
    assert found.component == "http://127.0.0.1:8085"


@pytest.mark.parametrize(
    ("args", "wanted"),
    [
        ([], BatchOptions(32, 5.0)),
        (["--max-batchsize", "8", "--max-latency", "250"], BatchOptions(8, 0.25)),
        (["--max-batchsize", "", "--max-latency", "-1"], BatchOptions(32, 5.0)),
    ],
)
def test_the_batcher_is_told_size_and_milliseconds(args: list[str], wanted: BatchOptions) -> None:
    assert options(["--enable-batcher", *args]).batch == wanted


def test_the_logger_is_told_everything() -> None:
    args = ["--log-url", "http://sink", "--source-uri", "pod", "--log-mode", "request", "--inference-service", "iris"]
    args += ["--namespace", "ns", "--endpoint", "", "--component", "predictor", "--metadata-headers", "X-A,X-B"]
    args += [
        "--metadata-annotations",
        "a=1,b=2=3",
        "--logger-ca-cert-file",
        "ca.crt",
        "--logger-tls-skip-verify",
        "true",
    ]
    logger = options([*args, "--workers", "2"]).logger
    assert logger is not None
    assert logger.about == About("pod", "iris", "ns", "predictor", "", {"a": "1", "b": "2=3"})
    assert (logger.log.mode, logger.log.workers, logger.log.metadata_headers) == ("request", 2, ["X-A", "X-B"])
    assert (logger.ca_file, logger.tls_skip_verify, logger.store_path) == ("ca.crt", True, "")


def test_a_pod_whose_name_the_webhook_did_not_know_names_itself() -> None:
    logger = options(["--log-url", "http://sink", "--source-uri", ""], {"HOSTNAME": "iris-7d9"}).logger
    assert logger is not None
    assert logger.about.source == "iris-7d9"


def test_a_store_gathers_records_and_a_marshaller_elsewhere_makes_the_files() -> None:
    args = [
        "--log-url",
        "s3://b",
        "--log-store-path",
        "/logger",
        "--log-batch-size",
        "10",
        "--log-batch-interval",
        "1m30s",
    ]
    own = options([*args, "--log-store-format", "csv"]).logger
    other = options([*args, "--log-store-format", "parquet", "--log-marshaller-url", "http://x/marshal"]).logger
    assert own is not None
    assert other is not None
    assert (own.log.batch_size, own.log.batch_seconds, own.store_format, own.marshaller_url) == (10, 90.0, "csv", "")
    assert other.marshaller_url == "http://x/marshal"
    assert "needs a marshaller" in refusal([*args, "--log-store-format", "parquet"])


def test_the_probe_comes_from_the_environment() -> None:
    probe = {"SERVING_READINESS_PROBE": '{"tcpSocket":{"port":8080},"timeoutSeconds":3}'}
    assert options([], probe).probe == Probe("127.0.0.1", 8080, seconds=3.0)
    assert "SERVING_READINESS_PROBE is not JSON" in refusal([], {"SERVING_READINESS_PROBE": "{"})


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("", 0), ("500ms", 0.5), ("10s", 10), ("1h1m1.5s", 3661.5)])
def test_durations_are_those_of_go(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["10", "x", "1s x", "-1s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    assert "is no duration" in refusal(["--log-url", "http://x", "--log-batch-interval", text])


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


async def start(args: Sequence[str], **environ: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "kservectl", *args, env={**os.environ, **environ}, stderr=asyncio.subprocess.PIPE
    )


async def until_ready(port: int) -> None:
    async with aiohttp.ClientSession(headers={"K-Network-Probe": "queue"}) as session, asyncio.timeout(30):
        while True:
            try:
                async with session.get(f"http://127.0.0.1:{port}/") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)


async def test_the_image_takes_the_arguments_of_the_webhook_without_a_command(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    port, admin = free_port(), free_port()
    async with model_server(ModelServer()) as server, serving(FileServer(files={"/m.bin": b"model"})) as files:
        models = [{"modelName": "m", "modelSpec": {"storageUri": f"{files.url}/m.bin", "framework": "sklearn"}}]
        (tmp_path / "configs" / "models.json").write_text(json.dumps(models))
        args = ["--enable-puller", "--config-dir", str(tmp_path / "configs"), "--model-dir", str(tmp_path / "models")]
        args += ["--component-port", str(server.port), "--port", str(port), "--admin-bind", f"127.0.0.1:{admin}"]
        process = await start([*args, "--drain-seconds", "0"])
        try:
            await until_ready(port)
            assert server.loaded == {"m"}
            assert (tmp_path / "models" / "m" / "m.bin").read_bytes() == b"model"
        finally:
            process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def test_a_folder_that_is_not_there_ends_it_with_a_sentence(tmp_path: Path) -> None:
    args = ["agent", "--enable-puller", "--config-dir", str(tmp_path / "none"), "--model-dir", str(tmp_path)]
    process = await start([*args, "--port", str(free_port()), "--admin-bind", ""])
    _, told = await process.communicate()
    assert process.returncode == 1
    assert "Traceback" not in told.decode()
    assert str(tmp_path / "none") in told.decode()
