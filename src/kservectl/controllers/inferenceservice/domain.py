"""Host names and URL paths from the templates of the ConfigMap key `ingress`.

Whatever a template makes is checked before it reaches an object: a host must be a DNS name of at least two labels, a path
must be a path and nothing more.
"""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote, urlsplit

from kservectl.api.gotemplate import TemplateError, Value, parse, render

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", re.ASCII)
_MAX_NAME = 253
_MAX_LABEL = 63


class InvalidDomain(ValueError):
    """A template gave no usable host name or path; the message quotes what it gave."""


def domain_name(
    template: str,
    *,
    name: str,
    namespace: str,
    ingress_domain: str,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
) -> str:
    """The host of the object called `name`; raises InvalidDomain."""
    fields: dict[str, Value] = {
        "Name": name,
        "Namespace": namespace,
        "IngressDomain": ingress_domain,
        "Labels": labels,
        "Annotations": annotations,
    }
    try:
        host = render(parse(template), fields)
    except TemplateError as error:
        raise InvalidDomain(f"error rendering the domain template: {error}") from error
    if not is_domain_name(host) or "." not in host.rstrip("."):
        raise InvalidDomain(f'invalid domain name "{host}": {_what_is_wrong(host)}')
    return host


def url_path(template: str, *, name: str, namespace: str) -> str:
    """The path under which a service is published beside others; empty without a template; raises InvalidDomain."""
    if not template:
        return ""
    try:
        text = render(parse(template), {"Name": name, "Namespace": namespace})
    except TemplateError as error:
        raise InvalidDomain(f"error rendering the url template: {error}") from error
    try:
        url = urlsplit(text)
    except ValueError as error:
        raise InvalidDomain(f'invalid url "{text}": {error}') from error
    if not text.startswith("/") and not url.scheme:
        raise InvalidDomain(f'invalid url "{text}": it is no absolute path')
    if url.scheme or url.netloc:
        raise InvalidDomain(f'invalid url path "{text}": contains either a scheme or a host')
    return unquote(url.path)


def additional_hosts(host: str, known: Sequence[str], additional: Sequence[str]) -> list[str]:
    """`host` under each of the `additional` domains, in their order, without repetition and without invalid names.

    The part of `host` that is kept is what precedes the first of the `known` domains that it ends with.
    """
    domain = next((domain for domain in known if domain and host.endswith(domain)), None)
    subdomain = host[: -len(domain)] if domain else ""
    if not subdomain:
        return []
    candidates = dict.fromkeys(subdomain + other for other in additional)
    return [candidate for candidate in candidates if is_domain_name(candidate)]


def is_domain_name(text: str) -> bool:
    """Whether `text` is a DNS-1123 subdomain with labels of legal length; one trailing dot is tolerated."""
    name = text.removesuffix(".")
    return 0 < len(name) <= _MAX_NAME and all(
        len(label) <= _MAX_LABEL and _LABEL.fullmatch(label) is not None for label in name.split(".")
    )


def _what_is_wrong(host: str) -> str:
    labels = host.rstrip(".").split(".")
    if long := next((label for label in labels if len(label) > _MAX_LABEL), None):
        return (
            f'"{long}" is longer than {_MAX_LABEL} characters; shorten the name, its namespace or the domain template'
        )
    if len(host) > _MAX_NAME:
        return f"it is longer than {_MAX_NAME} characters"
    if bad := next((label for label in labels if not _LABEL.fullmatch(label)), None):
        return f'"{bad}" has other characters than lower case letters, digits and dashes inside'
    return "it needs a dot, with a name before and after it"
