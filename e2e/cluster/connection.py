"""A connection to a server of the cluster, just big enough to set it up and to ask whether it is well."""

import http.client
import itertools
import json
import ssl
import time
from typing import Any
from urllib.parse import urlsplit

from e2e.cluster.certificates import KeyPair
from e2e.cluster.errors import RequestError

__all__ = ["Connection", "health_problem", "seconds_to_wait", "tls_context"]

_APPLY = "application/apply-patch+yaml"

_TIMEOUT_SECONDS = 30.0
_HEALTH_TIMEOUT_SECONDS = 5.0
_MOST_TRIES = 10
_LONGEST_WAIT = 5.0


def tls_context(ca: KeyPair, client: KeyPair) -> ssl.SSLContext:
    """Trust one authority, and show a client certificate."""
    context = ssl.create_default_context(cafile=str(ca.certificate))
    context.load_cert_chain(client.certificate, client.key)
    return context


class Connection:
    """Sends one request at a time to one server. Not for two threads."""

    def __init__(self, url: str, context: ssl.SSLContext) -> None:
        self._netloc = urlsplit(url).netloc
        self._context = context

    def request(self, method: str, path: str, body: object = None, *, content_type: str = "application/json") -> Any:
        """Return the JSON of the answer.

        :raises RequestError: when the answer is an error, or there is none.
        """
        status, text = self._send(method, path, body, content_type)
        if status >= 400:
            raise RequestError(f"{method} {path}: {status}: {_message(text)}")
        return json.loads(text) if text else None

    def post_if_absent(self, path: str, body: object) -> None:
        """Create an object; leave it as it is if it is there."""
        status, text = self._send("POST", path, body, "application/json")
        if status >= 400 and status != http.client.CONFLICT:
            raise RequestError(f"POST {path}: {status}: {_message(text)}")

    def apply(self, collection: str, body: dict[str, Any]) -> None:
        """Create or change an object so that it has the given fields."""
        name = body["metadata"]["name"]
        self.request("PATCH", f"{collection}/{name}?fieldManager=e2e-cluster&force=true", body, content_type=_APPLY)

    def _send(self, method: str, path: str, body: object, content_type: str) -> tuple[int, str]:
        for attempt in itertools.count(1):
            status, text, retry_after = self._send_once(method, path, body, content_type)
            wait = seconds_to_wait(status, retry_after, attempt)
            if wait is None:
                return status, text
            time.sleep(wait)
        raise AssertionError("unreachable: the loop above ends by returning")

    def _send_once(self, method: str, path: str, body: object, content_type: str) -> tuple[int, str, str]:
        connection = http.client.HTTPSConnection(self._netloc, context=self._context, timeout=_TIMEOUT_SECONDS)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, payload, {"Content-Type": content_type, "Accept": "application/json"})
            response = connection.getresponse()
            return response.status, response.read().decode(), response.getheader("Retry-After", "")
        except (OSError, http.client.HTTPException) as error:
            raise RequestError(f"{method} {path}: no answer from {self._netloc}: {error}") from error
        finally:
            connection.close()


def seconds_to_wait(status: int, retry_after: str, attempt: int) -> float | None:
    """How long the server asks to be left alone; None when it does not, or has been asked often enough.

    A kube-apiserver says 429 for instance while the storage of a new custom resource starts.
    """
    if status != http.client.TOO_MANY_REQUESTS or attempt > _MOST_TRIES:
        return None
    return min(float(retry_after), _LONGEST_WAIT) if retry_after.isdecimal() else 1.0


def health_problem(url: str, context: ssl.SSLContext | None) -> str | None:
    """Ask a health endpoint, in plain HTTP without a context; return nothing if it answers with 200, else what it says."""
    parts = urlsplit(url)
    connection = (
        http.client.HTTPSConnection(parts.netloc, context=context, timeout=_HEALTH_TIMEOUT_SECONDS)
        if context
        else http.client.HTTPConnection(parts.netloc, timeout=_HEALTH_TIMEOUT_SECONDS)
    )
    try:
        connection.request("GET", parts.path)
        response = connection.getresponse()
        text = response.read().decode(errors="replace")
        return None if response.status == http.client.OK else f"{response.status}: {text.strip()}"
    except (OSError, http.client.HTTPException) as error:
        return str(error)
    finally:
        connection.close()


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text.strip()
