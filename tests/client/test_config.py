"""Where the server is and who we are: kubeconfigs, pods, tokens that change, and TLS."""

import asyncio
import json
import random
import sys
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml

from kservectl.client.client import Client
from kservectl.client.config import ConnectionConfig, TokenFile, load_config, load_in_cluster, load_kubeconfig
from kservectl.client.connection import Connection
from kservectl.client.errors import InvalidConfiguration, Unauthorized, Unreachable
from kservectl.objects.kind import CONFIG_MAP
from tests.client.certificates import Authority
from tests.client.scripted_server import ScriptedServer, answer, status
from tests.fake_clock import FakeClock

OBJ = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n"}}


def kubeconfig(
    path: Path,
    server: str,
    user: dict[str, Any] | None = None,
    *,
    namespace: str = "",
    cluster: Mapping[str, Any] | None = None,
) -> str:
    context = {"cluster": "here", **({"user": "me"} if user is not None else {}), "namespace": namespace}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "main",
        "clusters": [{"name": "here", "cluster": {"server": server, **(cluster or {})}}],
        "contexts": [
            {"name": "main", "context": context},
            {"name": "other", "context": {"cluster": "here", "user": "nobody"}},
        ],
        "users": [{"name": "me", "user": user}] if user is not None else [],
    }
    path.write_text(yaml.safe_dump(document))
    return str(path)


async def ask(config: ConnectionConfig, clock: FakeClock) -> None:
    async with Connection(config, clock=clock, rng=random.Random(1)) as connection:
        await Client(connection).get(CONFIG_MAP, "a", "n")


async def test_plain_server_without_a_user(server: ScriptedServer, clock: FakeClock, tmp_path: Path) -> None:
    server.answer(answer(OBJ))
    config = await load_kubeconfig(kubeconfig(tmp_path / "c", server.url + "/"), clock=clock)
    assert (config.server, config.namespace) == (server.url, "default")
    await ask(config, clock)
    assert "Authorization" not in server.asked[0].headers


async def test_server_below_a_path(server: ScriptedServer, clock: FakeClock, tmp_path: Path) -> None:
    server.answer(answer(OBJ))
    await ask(await load_kubeconfig(kubeconfig(tmp_path / "c", server.url + "/k8s/c1/"), clock=clock), clock)
    assert server.asked[0].path == "/k8s/c1/api/v1/namespaces/n/configmaps/a"


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"token": "t0k"}, "Bearer t0k"),
        ({"username": "u", "password": "p"}, "Basic " + b64encode(b"u:p").decode()),
    ],
)
async def test_user_becomes_a_header(
    server: ScriptedServer, clock: FakeClock, tmp_path: Path, user: dict[str, Any], expected: str
) -> None:
    server.answer(answer(OBJ))
    config = await load_kubeconfig(kubeconfig(tmp_path / "c", server.url, user, namespace="team"), clock=clock)
    assert config.namespace == "team"
    await ask(config, clock)
    assert server.asked[0].headers["Authorization"] == expected


async def test_token_replaced_on_disk_is_used_within_a_minute(
    server: ScriptedServer, clock: FakeClock, tmp_path: Path
) -> None:
    server.answer(*[answer(OBJ)] * 3)
    token = tmp_path / "token"
    token.write_text("first\n")
    config = await load_kubeconfig(kubeconfig(tmp_path / "c", server.url, {"tokenFile": "token"}), clock=clock)
    async with Connection(config, clock=clock, rng=random.Random(1)) as connection:
        client = Client(connection)
        await client.get(CONFIG_MAP, "a", "n")
        token.write_text("second\n")
        await client.get(CONFIG_MAP, "a", "n")
        await clock.advance(60)
        await client.get(CONFIG_MAP, "a", "n")
    told = [asked.headers["Authorization"] for asked in server.asked]
    assert told == ["Bearer first", "Bearer first", "Bearer second"]


async def test_refused_token_is_read_again_at_once_and_only_once(
    server: ScriptedServer, clock: FakeClock, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("old")
    credentials = TokenFile(token, clock=clock)
    await credentials.reload()
    token.write_text("new")
    server.answer(status(401, "Unauthorized"), answer(OBJ), status(401, "Unauthorized"), status(401, "Unauthorized"))
    async with Connection(
        ConnectionConfig(server.url, credentials=credentials), clock=clock, rng=random.Random(1)
    ) as connection:
        await Client(connection).create(CONFIG_MAP, OBJ)
        with pytest.raises(Unauthorized):
            await Client(connection).create(CONFIG_MAP, OBJ)
    told = [asked.headers["Authorization"] for asked in server.asked]
    assert told == ["Bearer old", "Bearer new", "Bearer new", "Bearer new"]


async def test_token_that_cannot_be_read_again_stays_in_use(clock: FakeClock, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("good")
    credentials = TokenFile(token, clock=clock)
    await credentials.identity()
    token.write_text("")
    await clock.advance(61)
    with structlog.testing.capture_logs() as logs:
        assert (await credentials.identity()).authorization == "Bearer good"
        assert (await credentials.identity()).authorization == "Bearer good"
    assert len(logs) == 1, "told once a minute, not at every request"
    token.unlink()
    with pytest.raises(InvalidConfiguration, match="cannot be read"):
        await credentials.reload()


def plugin(tmp_path: Path, expires: str = "") -> dict[str, Any]:
    """An exec plugin that gives a new token each time it is run, and how a kubeconfig names it."""
    counter = tmp_path / "runs"
    counter.write_text("")
    script = tmp_path / "plugin.py"
    credential = {"token": "TOKEN", **({"expirationTimestamp": expires} if expires else {})}
    answer = json.dumps(
        {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": credential}
    )
    script.write_text(
        f"from pathlib import Path\nruns = Path({str(counter)!r})\nruns.write_text(runs.read_text() + 'x')\n"
        f"print({answer!r}.replace('TOKEN', 'run-' + str(len(runs.read_text()))))\n"
    )
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": [str(script)],
            "interactiveMode": "Never",
        }
    }


async def test_exec_plugin_runs_once_until_its_token_is_refused(
    server: ScriptedServer, clock: FakeClock, tmp_path: Path
) -> None:
    server.answer(answer(OBJ), answer(OBJ), status(401, "Unauthorized"), answer(OBJ))
    config = await load_kubeconfig(kubeconfig(tmp_path / "c", server.url, plugin(tmp_path)), clock=clock)
    async with Connection(config, clock=clock, rng=random.Random(1)) as connection:
        client = Client(connection)
        await client.get(CONFIG_MAP, "a", "n")
        await clock.advance(600)
        await client.get(CONFIG_MAP, "a", "n")
        await client.get(CONFIG_MAP, "a", "n")
    told = [asked.headers["Authorization"] for asked in server.asked]
    assert told == ["Bearer run-1", "Bearer run-1", "Bearer run-1", "Bearer run-2"]


async def test_exec_plugin_runs_again_when_its_token_runs_out(
    server: ScriptedServer, clock: FakeClock, tmp_path: Path
) -> None:
    server.answer(answer(OBJ), answer(OBJ))
    user = plugin(tmp_path, expires="2020-01-01T00:00:00Z")
    config = await load_kubeconfig(kubeconfig(tmp_path / "c", server.url, user), clock=clock)
    async with Connection(config, clock=clock, rng=random.Random(1)) as connection:
        await Client(connection).get(CONFIG_MAP, "a", "n")
        await clock.advance(61)
        await Client(connection).get(CONFIG_MAP, "a", "n")
    assert [asked.headers["Authorization"] for asked in server.asked] == ["Bearer run-1", "Bearer run-2"]


async def test_exec_plugin_that_fails_is_an_error_with_its_reason(clock: FakeClock, tmp_path: Path) -> None:
    broken = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": ["-c", "raise SystemExit('log in first')"],
        }
    }
    with pytest.raises(InvalidConfiguration, match="log in first"):
        await load_kubeconfig(kubeconfig(tmp_path / "c", "http://127.0.0.1:1", broken), clock=clock)


def pem(data: bytes) -> str:
    return b64encode(data).decode()


async def test_client_certificate_and_authority_from_data(clock: FakeClock, tmp_path: Path) -> None:
    authority = Authority()
    mine = authority.sign("me")
    async with ScriptedServer(authority.serving(tmp_path, ip="127.0.0.1", ask_client=True)) as server:
        server.answer(answer(OBJ))
        user = {"client-certificate-data": pem(mine.certificate), "client-key-data": pem(mine.key)}
        path = kubeconfig(
            tmp_path / "c", server.url, user, cluster={"certificate-authority-data": pem(authority.certificate)}
        )
        await ask(await load_kubeconfig(path, clock=clock), clock)
        assert len(server.asked) == 1


async def test_client_certificate_replaced_on_disk_is_used_after_a_refusal(clock: FakeClock, tmp_path: Path) -> None:
    authority = Authority()
    certificate, key = authority.sign("me").write(tmp_path, "me")
    (tmp_path / "ca.crt").write_bytes(authority.certificate)
    seen: list[bytes] = []

    async def refuse_first(request: Any) -> Any:
        peer = request.transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        seen.append(peer)
        if len(seen) > 1 and peer != seen[0]:
            return await answer(OBJ)(request)
        authority.sign("me again").write(tmp_path, "me")
        return await status(401, "Unauthorized")(request)

    async with ScriptedServer(authority.serving(tmp_path, ip="127.0.0.1", ask_client=True)) as server:
        server.answer(refuse_first, refuse_first)
        user = {"client-certificate": str(certificate), "client-key": str(key)}
        path = kubeconfig(tmp_path / "c", server.url, user, cluster={"certificate-authority": "ca.crt"})
        await ask(await load_kubeconfig(path, clock=clock), clock)
    assert len(seen) == 2


async def test_unknown_authority_is_refused_unless_told_not_to_care(clock: FakeClock, tmp_path: Path) -> None:
    async with ScriptedServer(Authority().serving(tmp_path, ip="127.0.0.1")) as server:
        path = kubeconfig(
            tmp_path / "c", server.url, cluster={"certificate-authority-data": pem(Authority().certificate)}
        )
        config = await load_kubeconfig(path, clock=clock)
        async with Connection(config, clock=clock, rng=random.Random(1)) as connection:
            with pytest.raises(Unreachable, match="certificate verify failed"):
                await Client(connection).list(CONFIG_MAP, retry=False)
        assert server.asked == []
        server.answer(answer(OBJ))
        path = kubeconfig(tmp_path / "c", server.url, cluster={"insecure-skip-tls-verify": True})
        await ask(await load_kubeconfig(path, clock=clock), clock)
        assert len(server.asked) == 1


async def test_authority_replaced_on_disk_is_used_after_a_failure(clock: FakeClock, tmp_path: Path) -> None:
    authority = Authority()
    (tmp_path / "ca.crt").write_bytes(Authority().certificate)
    async with ScriptedServer(authority.serving(tmp_path, ip="127.0.0.1")) as server:
        server.answer(answer({"kind": "ConfigMapList", "items": []}))
        config = ConnectionConfig(server.url, ca_file=str(tmp_path / "ca.crt"))
        async with Connection(config, clock=clock, rng=random.Random(1)) as connection:
            with pytest.raises(Unreachable, match="certificate verify failed"):
                await Client(connection).list(CONFIG_MAP, retry=False)
            (tmp_path / "ca.crt").write_bytes(authority.certificate)
            await Client(connection).list(CONFIG_MAP, retry=False)


async def test_requests_refused_together_reload_credentials_once(
    server: ScriptedServer, clock: FakeClock, tmp_path: Path
) -> None:
    server.answer(answer(OBJ), *[status(401, "Unauthorized")] * 5, *[answer(OBJ)] * 5)
    config = await load_kubeconfig(kubeconfig(tmp_path / "c", server.url, plugin(tmp_path)), clock=clock)
    async with Connection(config, clock=clock, rng=random.Random(1)) as connection:
        client = Client(connection)
        await client.get(CONFIG_MAP, "a", "n")
        await asyncio.gather(*(client.get(CONFIG_MAP, "a", "n") for _ in range(5)))
    assert (tmp_path / "runs").read_text() == "xx"


async def test_tls_server_name_replaces_the_host_for_verification(clock: FakeClock, tmp_path: Path) -> None:
    authority = Authority()
    async with ScriptedServer(authority.serving(tmp_path, dns="kubernetes.default.svc")) as server:
        server.answer(answer(OBJ))
        settings = {
            "certificate-authority-data": pem(authority.certificate),
            "tls-server-name": "kubernetes.default.svc",
        }
        await ask(await load_kubeconfig(kubeconfig(tmp_path / "c", server.url, cluster=settings), clock=clock), clock)
        assert len(server.asked) == 1


async def test_pod_uses_its_service_account(clock: FakeClock, tmp_path: Path) -> None:
    authority = Authority()
    (tmp_path / "ca.crt").write_bytes(authority.certificate)
    (tmp_path / "token").write_text("first\n")
    (tmp_path / "namespace").write_text("kserve\n")
    async with ScriptedServer(authority.serving(tmp_path, ip="127.0.0.1")) as server:
        server.answer(answer(OBJ), answer(OBJ))
        host, _, port = server.url.removeprefix("https://").partition(":")
        environ = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
        config = await load_in_cluster(clock=clock, environ=environ, directory=tmp_path)
        assert (config.server, config.namespace) == (server.url, "kserve")
        async with Connection(config, clock=clock, rng=random.Random(1)) as connection:
            await Client(connection).get(CONFIG_MAP, "a", "n")
            (tmp_path / "token").write_text("second\n")
            await clock.advance(60)
            await Client(connection).get(CONFIG_MAP, "a", "n")
        assert [asked.headers["Authorization"] for asked in server.asked] == ["Bearer first", "Bearer second"]


async def test_pod_without_a_token_says_so(clock: FakeClock, tmp_path: Path) -> None:
    environ = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    with pytest.raises(InvalidConfiguration, match="service account of this pod"):
        await load_in_cluster(clock=clock, environ=environ, directory=tmp_path)


async def test_several_files_are_one_configuration(clock: FakeClock, tmp_path: Path) -> None:
    first = kubeconfig(tmp_path / "first", "http://first")
    second = kubeconfig(tmp_path / "second", "http://second", {"token": "t"})
    config = await load_kubeconfig(f"{first}:{second}", clock=clock)
    assert config.server == "http://first"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "kubeconfig"),
        ("[1]", "kubeconfig"),
        ("{}", "no current-context"),
        ("current-context: x", "no context named 'x'"),
        ("{current-context: x, contexts: [{name: x, context: {cluster: c, user: u}}]}", "no user named 'u'"),
        ("{current-context: x, contexts: [{name: x, context: {cluster: c}}], clusters: []}", "kubeconfig"),
    ],
)
async def test_broken_kubeconfig_is_an_error_that_says_what(
    clock: FakeClock, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "c").write_text(text)
    with pytest.raises(InvalidConfiguration, match=message):
        await load_kubeconfig(str(tmp_path / "c"), clock=clock)


async def test_unknown_context_is_named(clock: FakeClock, tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "c", "http://x")
    with pytest.raises(InvalidConfiguration, match="no context named 'prod'"):
        await load_kubeconfig(path, context="prod", clock=clock)
    with pytest.raises(InvalidConfiguration, match="no user named 'nobody'"):
        await load_kubeconfig(path, context="other", clock=clock)


async def test_missing_certificate_file_is_named(clock: FakeClock, tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "c", "https://x", cluster={"certificate-authority": "missing.crt"})
    with pytest.raises(InvalidConfiguration, match=r"missing\.crt"):
        await load_kubeconfig(path, clock=clock)


async def test_configuration_is_looked_for_in_order(
    clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, named, listed = tmp_path / ".kube" / "config", tmp_path / "named", tmp_path / "listed"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(InvalidConfiguration, match="--kubeconfig"):
        await load_config(clock=clock)
    home.parent.mkdir()
    kubeconfig(home, "http://home")
    assert (await load_config(clock=clock)).server == "http://home"
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    with pytest.raises(InvalidConfiguration, match="service account of this pod"):
        await load_config(clock=clock)
    assert (await load_config(context="main", clock=clock)).server == "http://home"
    monkeypatch.setenv("KUBECONFIG", kubeconfig(listed, "http://listed"))
    assert (await load_config(clock=clock)).server == "http://listed"
    assert (await load_config(kubeconfig=kubeconfig(named, "http://named"), clock=clock)).server == "http://named"


async def test_proxy_comes_from_the_kubeconfig_or_the_environment(
    server: ScriptedServer, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    path = kubeconfig(tmp_path / "c", "http://api.example")
    assert (await load_kubeconfig(path, clock=clock)).proxy == ""
    monkeypatch.setenv("http_proxy", server.url)
    config = await load_kubeconfig(path, clock=clock)
    server.answer(answer(OBJ))
    await ask(config, clock)
    assert server.asked[0].headers["Host"] == "api.example"
    monkeypatch.setenv("no_proxy", ".example")
    assert (await load_kubeconfig(path, clock=clock)).proxy == ""
    path = kubeconfig(tmp_path / "c", "http://api.example", cluster={"proxy-url": "http://own"})
    assert (await load_kubeconfig(path, clock=clock)).proxy == "http://own"


async def test_nothing_that_is_printed_holds_a_credential(clock: FakeClock, tmp_path: Path) -> None:
    config = await load_kubeconfig(kubeconfig(tmp_path / "c", "http://x", {"token": "hunter2"}), clock=clock)
    assert "hunter2" not in repr(config)
    assert "hunter2" not in repr(await config.credentials.identity())
