"""A real Prometheus, for tests: found or fetched, started on rules and targets, and asked.

Durations of rules are divided by PACE, and it scrapes and evaluates that much more often too: what takes a quarter of an hour
in a cluster takes as many seconds here.
"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from e2e.cluster.cache import cache_folder, locked
from e2e.process import Process, free_port, probe
from kservectl.manifests.monitoring.alerts import groups
from kservectl.manifests.names import METRICS_SERVICE

PACE = 60
_START_SECONDS = 60.0
_POLL_SECONDS = 0.3
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Target:
    """Something to scrape, with the labels that it has in a cluster."""

    port: int
    job: str = METRICS_SERVICE
    labels: Mapping[str, str] = field(default_factory=dict)


class Prometheus:
    """One that runs."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def query(self, expr: str) -> list[dict[str, Any]]:
        """The series that `expr` answers now; fails the test where it is not valid."""
        answer = await self._get("query", {"query": expr})
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    async def firing(self) -> set[str]:
        """The names of the alerts that fire now."""
        answer = await self._get("alerts", {})
        return {each["labels"]["alertname"] for each in answer["data"]["alerts"] if each["state"] == "firing"}

    async def broken_rules(self) -> list[str]:
        """What evaluating the rules complained about."""
        answer = await self._get("rules", {})
        return [
            rule["lastError"] for group in answer["data"]["groups"] for rule in group["rules"] if "lastError" in rule
        ]

    async def until_firing(self, *names: str, seconds: float = 90.0) -> None:
        """Wait until all of these alerts fire."""
        firing: set[str] = set()
        try:
            async with asyncio.timeout(seconds):
                while True:
                    firing = await self.firing()
                    if set(names) <= firing:
                        return
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise AssertionError(f"only {sorted(firing)} fire, not {names}") from None

    async def _get(self, what: str, params: Mapping[str, str]) -> dict[str, Any]:
        async with self._session.get(f"{self._url}/api/v1/{what}", params=params) as response:
            answer: dict[str, Any] = await response.json()
        assert answer["status"] == "success", f"{answer.get('error')}: {params}"
        return answer


@asynccontextmanager
async def watching(folder: Path, *targets: Target) -> AsyncIterator[Prometheus]:
    """A Prometheus that scrapes the targets and evaluates the alerts, in a hurry."""
    port = free_port()
    jobs: dict[str, list[Target]] = {}
    for target in targets:
        jobs.setdefault(target.job, []).append(target)
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yaml"],
        "scrape_configs": [
            {
                "job_name": job,
                "static_configs": [
                    {"targets": [f"127.0.0.1:{each.port}"], "labels": dict(each.labels)} for each in members
                ],
            }
            for job, members in jobs.items()
        ],
    }
    (folder / "rules.yaml").write_text(yaml.safe_dump(hurried(groups())))
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    process = Process(
        (
            f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ),
        folder / "prometheus.log",
        program=(str(program("prometheus")),),
    )
    process.start()
    try:
        is_ready = partial(probe, port, "/-/ready")
        await asyncio.to_thread(process.wait_until, lambda: is_ready() is not None, "ready", _START_SECONDS)
        async with aiohttp.ClientSession() as session:
            yield Prometheus(f"http://127.0.0.1:{port}", session)
    finally:
        await asyncio.to_thread(process.stop)


def hurried(rules: Mapping[str, Any]) -> dict[str, Any]:
    """The same rules with their durations divided by PACE."""
    return {
        "groups": [
            {
                **group,
                "rules": [
                    {
                        **rule,
                        "expr": hurried_expr(rule["expr"]),
                        **({"for": _sooner(rule["for"])} if "for" in rule else {}),
                    }
                    for rule in group["rules"]
                ],
            }
            for group in rules["groups"]
        ]
    }


def hurried_expr(expr: str) -> str:
    """The same expression over windows that are PACE times shorter."""
    return re.sub(r"\[(\w+)\]", lambda window: f"[{_sooner(window[1])}]", expr)


def _sooner(duration: str) -> str:
    return f"{int(duration[:-1]) * _SECONDS[duration[-1]] * 1000 // PACE}ms"


def promtool(*arguments: str, folder: Path) -> str:
    """What promtool says; fails the test where it does not succeed."""
    done = subprocess.run([program("promtool"), *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def program(name: str) -> Path:
    """`prometheus` or `promtool`: the machine's own, or Debian's package unpacked in the cache folder."""
    installed = shutil.which(name)
    if installed:
        return Path(installed)
    folder = cache_folder(os.environ).parent / "prometheus"
    found = folder / "usr" / "bin" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_suffix(".lock"), lambda line: print(line, file=sys.stderr)):
        if not found.is_file():
            _fetch(folder)
    return found


def _fetch(folder: Path) -> None:
    fresh = folder.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    try:
        _download(fresh)
        (package,) = fresh.glob("prometheus_*.deb")
        _run(["dpkg-deb", "-x", package.name, "."], fresh)
        package.unlink()
    except (OSError, subprocess.CalledProcessError) as error:
        raise RuntimeError(
            "there is no prometheus on this machine, and Debian's package of it could not be fetched, which takes apt-get, a way "
            f"to Debian's mirror and, where apt has no lists yet, root: {getattr(error, 'stderr', '') or error}"
        ) from error
    fresh.rename(folder)


def _download(folder: Path) -> None:
    """Debian's package into `folder`, by the lists that apt has, or by fresh ones where they are missing or out of date."""
    try:
        _run(["apt-get", "download", "prometheus"], folder)
    except subprocess.CalledProcessError:
        _run(["apt-get", "update", "-qq"], folder)
        _run(["apt-get", "download", "prometheus"], folder)


def _run(command: Sequence[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
