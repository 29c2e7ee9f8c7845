"""Who is asking: the peer, or the hop of `X-Forwarded-For` that a trusted proxy vouches for. (R10, decision 14)

`ClientAddress` answers with an address as the settings want it shown. Nothing here raises.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from functools import lru_cache

from logkit.parsers import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_MOST_HOPS = 32  # a longer chain is somebody's joke
_LONGEST_HEADER = 2048
_SHOWN_BITS = {4: 24, 6: 48}  # of an address that is shown truncated


class ClientAddress:
    """Callable: peer and `X-Forwarded-For` to the client's address as text, or None where there is none to show."""

    def __init__(self, mode: str, trusted: Iterable[Network]) -> None:
        self._mode = mode
        self._trusted = tuple(trusted)
        self._of: Callable[[str, str], str | None] = lru_cache(maxsize=4096)(self._find)

    def __call__(self, peer: str | None, forwarded: str | None) -> str | None:
        """`peer` is REMOTE_ADDR; empty behind a Unix socket, whose other end is a proxy on this machine."""
        if self._mode == "off":
            return None
        return self._of(peer or "", (forwarded or "") if self._trusted else "")

    def _find(self, peer: str, forwarded: str) -> str | None:
        client = parse(peer)
        if (client is None and peer) or not (client is None or self._is_trusted(client)):
            return self._shown(client)
        if len(forwarded) <= _LONGEST_HEADER:
            for hop in reversed(forwarded.split(",")[-_MOST_HOPS:]):
                address = parse(hop)
                if address is None:
                    break  # garbage: the last address that somebody trusted saw is all there is to know
                client = address
                if not self._is_trusted(address):
                    break
        return self._shown(client)

    def _is_trusted(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._trusted)

    def _shown(self, address: Address | None) -> str | None:
        if address is None:
            return None
        if self._mode == "truncated":
            bits = _SHOWN_BITS[address.version]
            return str(ipaddress.ip_network((address, bits), strict=False).network_address)
        return str(address)


def parse(text: str) -> Address | None:
    """An address out of a hop: bare, with a port, in brackets, with a zone; IPv4 inside IPv6 is IPv4."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
