"""Addresses that no download may come from: those at which clouds give machines their credentials.

A URI is written by somebody who may not have them. Names are resolved first, so that one that leads there is no way around;
redirects are followed hop by hop.
"""

import socket
from ipaddress import IPv6Address, ip_address

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

_AWS_METADATA = ip_address("fd00:ec2::254")


class ForbiddenAddress(OSError):
    """A name or an address leads to where nothing may be fetched from."""


def check_address(host: str) -> None:
    """Raise ForbiddenAddress if `host` is an address, and one of those."""
    try:
        address = ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if address.is_link_local or address == _AWS_METADATA:
        raise ForbiddenAddress(f"nothing may be fetched from {address}")


class CheckedResolver(AbstractResolver):
    """Resolves as aiohttp does, to allowed addresses only."""

    def __init__(self) -> None:
        self._inner = DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        for entry in found:
            check_address(entry["host"])
        return found

    async def close(self) -> None:
        await self._inner.close()
