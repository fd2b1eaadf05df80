"""Names, labels and annotations: the syntax rules of Kubernetes' metadata, with the sentences that explain them."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kservectl.devcluster.contract import Cause
from kservectl.devcluster.types import causes as say

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_ENV_NAME = re.compile(r"[ -<>-~]+")
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_PORT_NAME = re.compile(r"[a-z0-9-]+")
_NO_QUALIFIED_NAME = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


def dns_label(value: str) -> str:
    """Why `value` is no DNS label (RFC 1123); empty if it is one."""
    if len(value) > 63:
        return "must be no more than 63 characters"
    if _LABEL.fullmatch(value):
        return ""
    return (
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
        "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
    )


def dns_label_1035(value: str) -> str:
    """Why `value` is no DNS label (RFC 1035), as Services are named; empty if it is one."""
    if len(value) > 63:
        return "must be no more than 63 characters"
    if _LABEL_1035.fullmatch(value):
        return ""
    return (
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
        "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation "
        "is '[a-z]([-a-z0-9]*[a-z0-9])?')"
    )


def dns_subdomain(value: str) -> str:
    """Why `value` is no DNS subdomain (RFC 1123), as most objects are named; empty if it is one."""
    if len(value) > 253:
        return "must be no more than 253 characters"
    if _SUBDOMAIN.fullmatch(value):
        return ""
    return (
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
        "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
        r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    )


def path_segment(value: str) -> str:
    """Why `value` cannot be a part of a URL path, the only rule for names of RBAC objects; empty if it can."""
    if value in (".", ".."):
        return f"may not be '{value}'"
    bad = [character for character in "/%" if character in value]
    return f"may not contain '{bad[0]}'" if bad else ""


def qualified_name(value: str) -> str:
    """Why `value` is no label key; empty if it is one."""
    prefix, slash, name = value.rpartition("/")
    if "/" in prefix:
        return (
            "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
            "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
            "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. "
            "'example.com/MyName')"
        )
    if slash:
        if not prefix:
            return "prefix part must be non-empty"
        if problem := dns_subdomain(prefix):
            return f"prefix part {problem}"
    if not name:
        return "name part must be non-empty"
    if len(name) > 63:
        return "name part must be no more than 63 characters"
    if not _QUALIFIED.fullmatch(name):
        return _NO_QUALIFIED_NAME
    return ""


def label_value(value: str) -> str:
    """Why `value` is no label value; empty if it is one."""
    if len(value) > 63:
        return "must be no more than 63 characters"
    if _LABEL_VALUE.fullmatch(value):
        return ""
    return (
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
        "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
        "validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
    )


def env_name(value: str) -> str:
    """Why `value` cannot name an environment variable; empty if it can."""
    if _ENV_NAME.fullmatch(value):
        return ""
    return "a valid environment variable name must consist only of printable ASCII characters other than '='"


def config_key(value: str) -> str:
    """Why `value` is no key of a ConfigMap or Secret; empty if it is one."""
    if len(value) > 253:
        return "must be no more than 253 characters"
    if value in (".", ".."):
        return f"must not be '{value}'"
    if _CONFIG_KEY.fullmatch(value):
        return ""
    return (
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  "
        "or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
    )


def port_name(value: str) -> str:
    """Why `value` is no IANA service name, as container ports are named; empty if it is one."""
    if len(value) > 15:
        return "must be no more than 15 characters"
    if not _PORT_NAME.fullmatch(value):
        return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    if not re.search("[a-z]", value):
        return "must contain at least one letter (a-z)"
    if "--" in value:
        return "must not contain consecutive hyphens"
    if value.startswith("-") or value.endswith("-"):
        return "must not begin or end with a hyphen"
    return ""


def check_labels(labels: Mapping[str, Any], path: str) -> Iterable[Cause]:
    for key, value in labels.items():
        yield from _check_key(key, path, key)
        if problem := label_value(str(value)):
            yield say.invalid(path, value, problem)


def check_annotations(annotations: Mapping[str, Any], path: str) -> Iterable[Cause]:
    size = 0
    for key, value in annotations.items():
        yield from _check_key(key.lower(), path, key)
        size += len(key.encode()) + len(str(value).encode())
    if size > 256 * 1024:
        yield say.too_long(path, 256 * 1024)


def _check_key(key: str, path: str, shown: str) -> Iterable[Cause]:
    if problem := qualified_name(key):
        yield say.invalid(path, shown, problem)
    if not key.rpartition("/")[2] and key.count("/") < 2:
        yield say.invalid(path, shown, _NO_QUALIFIED_NAME)  # an empty name also breaks the rule for its letters


def check_name(value: Any, path: str, rule: Callable[[str], str]) -> Iterable[Cause]:
    """Why a name that must be there does not fit `rule`."""
    if not value:
        yield say.required(path)
    elif problem := rule(str(value)):
        yield say.invalid(path, value, problem)
