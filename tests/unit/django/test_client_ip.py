"""Whose address a request is logged with."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logkit import parsers
from logkit.django.client_ip import ClientAddress

PROXIES = parsers.networks("10.0.0.0/8,fd00::/8,192.0.2.7")
full = ClientAddress("full", PROXIES)


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.7", None, "203.0.113.7"),
        ("203.0.113.7", "198.51.100.9", "203.0.113.7"),  # a stranger says so
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "198.51.100.9", "198.51.100.9"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.9", "198.51.100.9"),  # the left one is what the client claims
        ("10.0.0.1", "198.51.100.9, 10.0.0.2, 192.0.2.7", "198.51.100.9"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "198.51.100.9:51234", "198.51.100.9"),
        ("10.0.0.1", '"[2001:db8::1]:443"', "2001:db8::1"),
        ("10.0.0.1", "[2001:DB8::1]", "2001:db8::1"),
        ("fd00::1", "2001:db8::2", "2001:db8::2"),
        ("::ffff:10.0.0.1", "198.51.100.9", "198.51.100.9"),
        ("fe80::1%eth0", None, "fe80::1"),
        ("10.0.0.1", "198.51.100.9, unknown", "10.0.0.1"),  # all that a trusted peer saw is garbage
        ("10.0.0.1", "198.51.100.9, _hidden, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "x" * 5000, "10.0.0.1"),
        ("", "198.51.100.9", "198.51.100.9"),  # a Unix socket: the proxy is on this machine
        ("", None, None),
        (None, None, None),
        ("nonsense", "198.51.100.9", None),
    ],
)
def test_r10_hops_count_from_the_right_through_trusted_proxies(peer, forwarded, client) -> None:
    """IPv6, ports, zones, mapped addresses and garbage included."""
    assert full(peer, forwarded) == client


def test_r10_without_trusted_proxies_nobody_is_believed() -> None:
    """Not even behind a Unix socket."""
    nobody = ClientAddress("full", ())
    assert nobody("10.0.0.1", "198.51.100.9") == "10.0.0.1"
    assert nobody("", "198.51.100.9") is None


def test_r10_addresses_are_shown_as_configured() -> None:
    """Truncated to the network of a provider's customer, or not at all."""
    truncated = ClientAddress("truncated", PROXIES)
    assert truncated("203.0.113.77", None) == "203.0.113.0"
    assert truncated("2001:db8:aaaa:bbbb::1", None) == "2001:db8:aaaa::"
    assert ClientAddress("off", PROXIES)("203.0.113.77", None) is None


@given(peer=st.text(max_size=40) | st.ip_addresses().map(str), forwarded=st.text(max_size=80))
def test_r10_any_header_gives_an_address_or_nothing(peer: str, forwarded: str) -> None:
    """Whatever is sent, nothing raises and nothing but an address comes out."""
    client = full(peer, forwarded)
    assert client is None or ipaddress.ip_address(client)


@given(
    claimed=st.lists(st.ip_addresses().map(str), max_size=5),
    client=st.ip_addresses(v=4).filter(
        lambda address: not any(address in net for net in PROXIES if net.version == 4)
    ),
)
def test_r10_what_a_client_claims_never_wins(claimed: list[str], client: ipaddress.IPv4Address) -> None:
    """However many hops it makes up, the one that our proxy saw is the right-most."""
    assert full("10.0.0.1", ", ".join([*claimed, str(client), "10.0.0.9"])) == str(client)
