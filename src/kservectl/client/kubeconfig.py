"""Kubeconfigs: one file, or several that are one configuration, as kubectl merges them.

Of two entries of the same name the first counts, and so does the first `current-context`. Paths in a file are relative to it.
What is wrong raises InvalidConfiguration, which names the file and no credential.
"""

import atexit
import base64
import binascii
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from kservectl.client.errors import InvalidConfiguration


@dataclass(frozen=True, slots=True, repr=False)
class Entry:
    """A cluster or a user, and the folder that its paths are relative to."""

    values: Mapping[str, Any]
    folder: Path

    def text(self, name: str) -> str:
        """A value as text; empty when it is not there."""
        value = self.values.get(name)
        return "" if value is None else str(value)

    def path(self, name: str) -> str:
        """The file that `name` leads to, which exists, or a private one with the content of `name`-data; empty for neither."""
        if data := self.text(f"{name}-data"):
            try:
                return _kept(base64.b64decode(data, validate=True))
            except binascii.Error as error:
                raise InvalidConfiguration(f"{name}-data of the kubeconfig is not base64") from error
        given = self.text(name)
        if not given:
            return ""
        path = self.folder / given
        if not path.is_file():
            raise InvalidConfiguration(f"the kubeconfig names {path} as {name}, and there is no such file")
        return str(path)


_Document = tuple[Mapping[str, Any], Path]
"""The content of a file, and the folder that it is in."""


@dataclass(frozen=True, slots=True, repr=False)
class Context:
    """A server, who asks, and where it looks unless told otherwise."""

    cluster: Entry
    user: Entry
    namespace: str


def read(paths: str, context: str = "") -> Context:
    """The named context, or the current one, of the files that `paths` lists as $KUBECONFIG does. Reads files."""
    read_files = (_document(Path(path)) for path in paths.split(os.pathsep) if path)
    documents: list[_Document] = [each for each in read_files if each is not None]
    wanted = context or next((str(each["current-context"]) for each, _ in documents if each.get("current-context")), "")
    if not documents:
        raise InvalidConfiguration(f"no kubeconfig at {paths}")
    if not wanted:
        raise InvalidConfiguration("the kubeconfig has no current-context; name one with --context")
    found = _entry(documents, "context", wanted)
    name = found.text("user")
    user = _entry(documents, "user", name) if name else Entry({}, found.folder)
    return Context(
        cluster=_entry(documents, "cluster", found.text("cluster")),
        user=user,
        namespace=found.text("namespace") or "default",
    )


def _document(path: Path) -> _Document | None:
    """None when the file is not there, as one of several may be."""
    try:
        content = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, UnicodeError) as error:
        raise InvalidConfiguration(f"kubeconfig {path} cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise InvalidConfiguration(f"kubeconfig {path} is not YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(content, Mapping | None):
        raise InvalidConfiguration(f"kubeconfig {path} is not a map")
    return content or {}, path.absolute().parent


def _entry(documents: list[_Document], what: str, name: str) -> Entry:
    for document, folder in documents:
        section = document.get(f"{what}s") or ()
        for entry in section if isinstance(section, list) else ():
            if isinstance(entry, Mapping) and entry.get("name") == name:
                values = entry.get(what) or {}
                if not isinstance(values, Mapping):
                    raise InvalidConfiguration(f"the {what} {name!r} of the kubeconfig is not a map")
                return Entry(values, folder)
    raise InvalidConfiguration(f"the kubeconfig has no {what} named {name!r}")


def _kept(content: bytes) -> str:
    """A file with this content that nobody else may read, for as long as the process lives: TLS takes keys from files."""
    path = _private_folder() / sha256(content).hexdigest()
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    return str(path)


@cache
def _private_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="kservectl-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
