"""Users of a kubeconfig whose credentials somebody else makes: exec plugins, OIDC and other providers.

Running and renewing them is left to kubernetes_asyncio, whose import costs half a second and tens of megabytes; so this module is
imported by who needs it only.
"""

from dataclasses import replace
from typing import Any, Final

import structlog
import yaml
from kubernetes_asyncio.client import Configuration
from kubernetes_asyncio.config.config_exception import ConfigException
from kubernetes_asyncio.config.kube_config import KubeConfigLoader, KubeConfigMerger

from kservectl.client.credentials import REFRESH_SECONDS, Identity
from kservectl.client.errors import InvalidConfiguration
from kservectl.clock import Clock

_EXEC_DEADLINE: Final = 60.0


class PluginCredentials:
    """The user of one context of these files. All is read anew each minute, unless it is an exec plugin: that `is_exec` is
    only run again when the credential that it gave runs out or was refused."""

    def __init__(self, paths: str, context: str, clock: Clock, *, is_exec: bool) -> None:
        self._is_exec = is_exec
        self._paths = paths
        self._context = context
        self._clock = clock
        self._identity = Identity()
        self._read_at = float("-inf")
        self._loader: Any = None
        self._log = structlog.get_logger()

    async def identity(self) -> Identity:
        now = self._clock.monotonic()
        if now - self._read_at >= REFRESH_SECONDS:
            self._read_at = now  # two runs of a plugin at once would be worse than an old credential
            try:
                await self._renew()
            except InvalidConfiguration as error:
                self._log.warning("credentials not renewed, the old ones stay in use", error=str(error))
        return self._identity

    async def reload(self) -> None:
        """Authenticate; the identity is replaced only when all of it succeeded."""
        try:
            merged = KubeConfigMerger(self._paths).config
            loader = KubeConfigLoader(config_dict=merged, active_context=self._context or None, config_base_path=None)
        except (ConfigException, yaml.YAMLError, OSError, AttributeError, KeyError, TypeError) as error:
            raise InvalidConfiguration(f"kubeconfig {self._paths}: {_first_line(error)}") from error
        configuration = Configuration()
        await self._guarded(loader.load_and_set(configuration))
        self._loader = loader
        self._identity = Identity(
            authorization=str(configuration.api_key.get("BearerToken") or "").strip(),
            cert_file=configuration.cert_file or "",
            key_file=configuration.key_file or "",
        )
        self._read_at = self._clock.monotonic()

    async def _renew(self) -> None:
        if hasattr(self._loader, "exec_plugin_expiry"):
            # Runs the plugin only if what it gave has less than five minutes left.
            await self._guarded(self._loader.load_from_exec_plugin())
            self._identity = replace(self._identity, authorization=str(getattr(self._loader, "token", "")))
        elif not self._is_exec:
            await self.reload()

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


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
