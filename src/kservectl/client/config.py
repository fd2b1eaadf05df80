"""How to reach an API server, and as whom: from a kubeconfig, or from inside a pod.

Reading the formats (contexts, merged files, exec plugins, OIDC) is left to kubernetes_asyncio; what comes out is a small
`ConnectionConfig`. Credentials are a live thing: they are read again each minute, because tokens are replaced on disk while
the process runs, and at once when the server refuses them. No credential is ever part of a message.
"""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import structlog
import yaml

from kservectl.client.errors import InvalidConfiguration
from kservectl.clock import Clock

REFRESH_SECONDS: Final = 60.0
_SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_EXEC_DEADLINE: Final = 60.0


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """What is shown to the server: an Authorization header, a client certificate (files in PEM form), or nothing."""

    authorization: str = ""
    cert_file: str = ""
    key_file: str = ""


class Credentials(Protocol):
    """The identity to use now."""

    async def identity(self) -> Identity:
        """The identity, brought up to date when it is a minute old. A failed renewal keeps the old one."""
        ...

    async def reload(self) -> None:
        """Read everything again: the server refused the present identity. Raises InvalidConfiguration."""
        ...


class FixedCredentials:
    """An identity that never changes; without arguments, an anonymous one."""

    def __init__(self, identity: Identity | None = None) -> None:
        self._identity = identity or Identity()

    async def identity(self) -> Identity:
        return self._identity

    async def reload(self) -> None:
        """There is nothing to read again."""


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
    credentials = _KubeconfigCredentials(paths, context, clock)
    return await credentials.load()


async def load_in_cluster(
    *, clock: Clock, environ: Mapping[str, str] | None = None, directory: Path = _SERVICE_ACCOUNT
) -> ConnectionConfig:
    """The configuration of a pod's service account, mounted at `directory`."""
    # Imported late: half a second that a process with a kubeconfig of its own making need not spend.
    from kubernetes_asyncio.client import Configuration
    from kubernetes_asyncio.config.config_exception import ConfigException
    from kubernetes_asyncio.config.incluster_config import InClusterConfigLoader

    configuration = Configuration()
    loader = InClusterConfigLoader(
        token_filename=str(directory / "token"),
        cert_filename=str(directory / "ca.crt"),
        try_refresh_token=False,  # it goes by the machine's clock; TokenFile below goes by ours
        environ=dict(os.environ if environ is None else environ),
    )
    try:
        await asyncio.to_thread(loader.load_and_set, configuration)
        token = TokenFile(directory / "token", clock=clock)
        await token.reload()
        namespace_file = directory / "namespace"
        namespace = (await asyncio.to_thread(namespace_file.read_text)).strip() if namespace_file.exists() else ""
    except (ConfigException, OSError) as error:
        raise InvalidConfiguration(f"the service account of this pod cannot be used: {error}") from error
    return ConnectionConfig(
        server=configuration.host or "",
        ca_file=configuration.ssl_ca_cert or "",
        proxy=proxy_from_environment(configuration.host or ""),
        namespace=namespace or "default",
        credentials=token,
    )


def proxy_from_environment(server: str) -> str:
    """The proxy that $HTTPS_PROXY, $HTTP_PROXY and $NO_PROXY name for a server's URL; empty for none."""
    url = urlsplit(server)
    return "" if proxy_bypass(url.netloc) else getproxies_environment().get(url.scheme, "")


class TokenFile:
    """A bearer token in a file that somebody replaces from time to time."""

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._identity = Identity()
        self._read_at = float("-inf")
        self._log = structlog.get_logger()

    async def identity(self) -> Identity:
        now = self._clock.monotonic()
        if now - self._read_at >= REFRESH_SECONDS:
            self._read_at = (
                now  # requests beside this one go on with the old token, and a failure is not repeated at once
            )
            try:
                await self.reload()
            except InvalidConfiguration as error:
                self._log.warning("token not renewed, the old one stays in use", error=str(error))
        return self._identity

    async def reload(self) -> None:
        try:
            token = (await asyncio.to_thread(self._path.read_text)).strip()
        except OSError as error:
            raise InvalidConfiguration(f"the token file {self._path} cannot be read: {error}") from error
        if not token:
            raise InvalidConfiguration(f"the token file {self._path} is empty")
        self._identity = Identity(authorization=f"Bearer {token}")
        self._read_at = self._clock.monotonic()


class _KubeconfigCredentials:
    """The user of one context. Everything is read anew from the files each minute, but an exec plugin is only run again when
    the credential it gave runs out or was refused."""

    def __init__(self, paths: str, context: str, clock: Clock) -> None:
        self._paths = paths
        self._context = context
        self._clock = clock
        self._identity = Identity()
        self._read_at = float("-inf")
        self._exec = False
        self._loader: Any = None
        self._log = structlog.get_logger()

    async def identity(self) -> Identity:
        now = self._clock.monotonic()
        if now - self._read_at >= REFRESH_SECONDS:
            self._read_at = now  # as in TokenFile; two runs of a plugin at once would be worse still
            try:
                await self._renew()
            except InvalidConfiguration as error:
                self._log.warning("credentials not renewed, the old ones stay in use", error=str(error))
        return self._identity

    async def reload(self) -> None:
        await self.load()

    async def _renew(self) -> None:
        if not self._exec:
            await self.load()
        elif hasattr(self._loader, "exec_plugin_expiry"):
            # Runs the plugin only if what it gave has less than five minutes left.
            await self._guarded(self._loader.load_from_exec_plugin())
            self._identity = replace(self._identity, authorization=str(getattr(self._loader, "token", "")))

    async def load(self) -> ConnectionConfig:
        """Read the files and authenticate; the identity is replaced only when all of it succeeded."""
        from kubernetes_asyncio.client import Configuration  # late: see load_in_cluster
        from kubernetes_asyncio.config.config_exception import ConfigException
        from kubernetes_asyncio.config.kube_config import KubeConfigLoader, KubeConfigMerger

        try:
            merged = (await asyncio.to_thread(KubeConfigMerger, self._paths)).config
            if merged is None:
                raise InvalidConfiguration(f"no kubeconfig at {self._paths}")
            context = _find_context(merged.value, self._context)
            user = _ensure_user(merged.value, context)
            loader = KubeConfigLoader(config_dict=merged, active_context=self._context or None, config_base_path=None)
        except (ConfigException, yaml.YAMLError, OSError, AttributeError, KeyError, TypeError) as error:
            raise InvalidConfiguration(f"kubeconfig {self._paths}: {_first_line(error)}") from error
        configuration = Configuration()
        await self._guarded(loader.load_and_set(configuration))
        self._loader = loader
        self._exec = "exec" in user
        self._identity = Identity(
            authorization=str(configuration.api_key.get("BearerToken") or "").strip(),
            cert_file=configuration.cert_file or "",
            key_file=configuration.key_file or "",
        )
        self._read_at = self._clock.monotonic()
        return ConnectionConfig(
            server=configuration.host or "",
            ca_file=configuration.ssl_ca_cert or "",
            tls_server_name=configuration.tls_server_name or "",
            insecure=not configuration.verify_ssl,
            proxy=configuration.proxy or proxy_from_environment(configuration.host or ""),
            namespace=str(context.get("namespace") or "default"),
            credentials=self,
        )

    async def _guarded(self, work: Any) -> None:
        """Await `work` of the library, which may run an exec plugin; its errors become one of ours."""
        try:
            async with self._clock.timeout(_EXEC_DEADLINE):
                await work
        except TimeoutError as error:
            raise InvalidConfiguration(
                f"kubeconfig {self._paths}: no credentials within {_EXEC_DEADLINE:.0f} s; does the exec plugin wait for input?"
            ) from error
        except Exception as error:
            # The library raises whatever its plugins, files and parsers raise; the cause is kept.
            raise InvalidConfiguration(f"kubeconfig {self._paths}: {_first_line(error)}") from error


def _find_context(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    wanted = name or config.get("current-context")
    if not wanted:
        raise InvalidConfiguration("the kubeconfig has no current-context; name one with --context")
    for entry in _entries(config, "contexts"):
        if entry["name"] == wanted:
            context: dict[str, Any] = entry["context"]
            return context
    raise InvalidConfiguration(f"the kubeconfig has no context named {wanted!r}")


def _ensure_user(config: dict[str, Any], context: dict[str, Any]) -> Mapping[str, Any]:
    """The user of the context. An anonymous one is added where it names none, because the library expects one."""
    wanted = context.get("user")
    if not wanted:
        context["user"] = "anonymous user of kservectl"
        config["users"] = [*(config.get("users") or ()), {"name": context["user"], "user": {}}]
        return {}
    for entry in _entries(config, "users"):
        if entry["name"] == wanted:
            user: Mapping[str, Any] = entry.get("user") or {}
            return user
    raise InvalidConfiguration(f"the kubeconfig has no user named {wanted!r}")


def _entries(config: Mapping[str, Any], section: str) -> list[dict[str, Any]]:
    """The named entries of a section as plain maps; the library wraps each to remember which file it is from."""
    return [getattr(entry, "value", entry) for entry in config.get(section) or ()]


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
