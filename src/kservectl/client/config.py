"""How to reach an API server, and as whom: from a kubeconfig, or from inside a pod. What comes out is a `ConnectionConfig`."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from kservectl.client.credentials import (
    Credentials,
    FileCredentials,
    FixedCredentials,
    Identity,
    TokenFile,
    identity_of,
    is_plain,
)
from kservectl.client.errors import InvalidConfiguration
from kservectl.client.kubeconfig import read
from kservectl.clock import Clock

__all__ = [
    "ConnectionConfig",
    "Credentials",
    "FixedCredentials",
    "Identity",
    "TokenFile",
    "load_config",
    "load_in_cluster",
    "load_kubeconfig",
    "proxy_from_environment",
]

_SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class ConnectionConfig:
    """One API server. `server` is its URL, with a path where it is served below one.

    `ca_file` empty means the system's authorities. `namespace` is the context's (or the pod's), for commands that need one.
    """

    server: str
    ca_file: str = ""
    tls_server_name: str = ""
    insecure: bool = False
    proxy: str = ""
    namespace: str = "default"
    credentials: Credentials = field(default_factory=FixedCredentials, repr=False)


async def load_config(*, kubeconfig: str = "", context: str = "", clock: Clock) -> ConnectionConfig:
    """The configuration that a process started like this one is meant to use; raises InvalidConfiguration.

    In this order: the file (or list of files) named by `kubeconfig`, or by $KUBECONFIG; the pod's service account; the user's
    ~/.kube/config. `context` picks a context of a kubeconfig, and therefore passes over the service account.
    """
    paths = kubeconfig or os.environ.get("KUBECONFIG", "")
    if paths:
        return await load_kubeconfig(paths, context=context, clock=clock)
    if not context and os.environ.get("KUBERNETES_SERVICE_HOST"):
        return await load_in_cluster(clock=clock)
    default = Path.home() / ".kube" / "config"
    if not await asyncio.to_thread(default.exists):
        raise InvalidConfiguration(
            f"no API server to talk to: there is no {default}, $KUBECONFIG is not set, and this is not a pod. "
            "Name a file with --kubeconfig"
        )
    return await load_kubeconfig(str(default), context=context, clock=clock)


async def load_kubeconfig(paths: str, *, context: str = "", clock: Clock) -> ConnectionConfig:
    """The configuration of a context (the current one unless named) of one or several files, as $KUBECONFIG lists them."""
    found = await asyncio.to_thread(read, paths, context)
    server = found.cluster.text("server").rstrip("/")
    if not server:
        raise InvalidConfiguration(f"kubeconfig {paths}: the cluster names no server")
    credentials: Credentials
    if is_plain(found.user):
        credentials = FileCredentials(lambda: identity_of(read(paths, context).user), clock=clock)
    else:
        from kservectl.client.plugins import PluginCredentials  # late: see there

        credentials = PluginCredentials(paths, context, clock, is_exec="exec" in found.user.values)
    await credentials.reload()
    return ConnectionConfig(
        server=server,
        ca_file=await asyncio.to_thread(found.cluster.path, "certificate-authority"),
        tls_server_name=found.cluster.text("tls-server-name"),
        insecure=found.cluster.values.get("insecure-skip-tls-verify") is True,
        proxy=found.cluster.text("proxy-url") or proxy_from_environment(server),
        namespace=found.namespace,
        credentials=credentials,
    )


async def load_in_cluster(
    *, clock: Clock, environ: Mapping[str, str] | None = None, directory: Path = _SERVICE_ACCOUNT
) -> ConnectionConfig:
    """The configuration of a pod's service account, mounted at `directory`."""
    environ = os.environ if environ is None else environ
    host, port = environ.get("KUBERNETES_SERVICE_HOST", ""), environ.get("KUBERNETES_SERVICE_PORT", "")
    authority = directory / "ca.crt"
    token = TokenFile(directory / "token", clock=clock)
    try:
        await token.reload()
        namespace = await asyncio.to_thread(_namespace, directory / "namespace")
    except (InvalidConfiguration, OSError) as error:
        raise InvalidConfiguration(f"the service account of this pod cannot be used: {error}") from error
    if not host or not port:
        raise InvalidConfiguration("this is no pod: $KUBERNETES_SERVICE_HOST or $KUBERNETES_SERVICE_PORT is not set")
    if not await asyncio.to_thread(authority.is_file):
        raise InvalidConfiguration(f"the service account of this pod cannot be used: there is no {authority}")
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    return ConnectionConfig(
        server=server,
        ca_file=str(authority),
        proxy=proxy_from_environment(server),
        namespace=namespace or "default",
        credentials=token,
    )


def proxy_from_environment(server: str) -> str:
    """The proxy that $HTTPS_PROXY, $HTTP_PROXY and $NO_PROXY name for a server's URL; empty for none."""
    url = urlsplit(server)
    return "" if proxy_bypass(url.netloc) else getproxies_environment().get(url.scheme, "")


def _namespace(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""
