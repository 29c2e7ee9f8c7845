"""Who is counted for whom, and that counting is exact where many call at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from django.core.cache import cache
from django.test import Client, RequestFactory

from logkit import pipeline
from mysite import limits
from mysite.limits import AddressLimit, client_address

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def trusting(monkeypatch):
    """Proxies in 10.0.0.0/8 are believed."""
    before = pipeline.current_settings()
    pipeline.configure({"LOG_ENVIRONMENT": "test", "LOG_STDOUT": "off", "LOG_TRUSTED_PROXIES": "10.0.0.0/8"})
    limits._reader.cache_clear()
    yield
    pipeline.configure(before)
    limits._reader.cache_clear()


def call(peer, forwarded=None):
    more = {"headers": {"X-Forwarded-For": forwarded}} if forwarded else {}
    return RequestFactory().get("/", REMOTE_ADDR=peer, **more)


@pytest.mark.parametrize(
    ("peer", "forwarded", "counted"),
    [
        ("203.0.113.7", None, "203.0.113.7"),
        ("203.0.113.7", "198.51.100.9", "203.0.113.7"),
        ("10.1.2.3", "198.51.100.9", "198.51.100.9"),
        ("10.1.2.3", "spoofed, 198.51.100.9", "198.51.100.9"),
        ("2001:db8:1:2:3:4:5:6", None, "2001:db8:1:2::/64"),
        ("", None, "nobody"),
    ],
)
def test_a_call_is_counted_for_the_client_of_the_log(trusting, peer, forwarded, counted):
    """Trusted proxies are named once; an IPv6 client is its network, of which it has every address."""
    assert client_address(call(peer, forwarded)) == counted


def test_calls_at_once_are_counted_exactly():
    """Of 200 calls from eight threads as many pass as may; a call is never counted for somebody else."""
    limit = AddressLimit("race", "50/m")
    callers = [call("203.0.113.7"), call("203.0.113.8")] * 100
    with ThreadPoolExecutor(8) as threads:
        allowed = list(threads.map(limit.allow_request, callers))
    assert (sum(allowed[0::2]), sum(allowed[1::2])) == (50, 50)


def test_a_window_ends(monkeypatch):
    """Who waits as long as they were told may call again."""
    now = 30.0
    monkeypatch.setattr(limits, "time", SimpleNamespace(time=lambda: now))
    limit = AddressLimit("window", "1/m")
    assert [limit.allow_request(call("203.0.113.7")) for _ in range(2)] == [True, False]
    now += limit.wait()
    assert limit.allow_request(call("203.0.113.7"))


def test_a_cache_that_is_away_stops_nobody(monkeypatch, logs):
    """The service answers on, and says that it does not count."""

    def away(*args, **kwargs):
        raise ConnectionError("cache.internal:6379")

    monkeypatch.setattr(cache, "add", away)
    assert AddressLimit("away", "1/m").allow_request(call("203.0.113.7"))
    line = logs.only("limit.not_counted", limit="away", exception_type="ConnectionError")
    assert "cache.internal" not in repr(dict(line))


def test_the_admins_login_is_limited_by_address():
    """Trying one password on many addresses ends there as it does in the API."""
    statuses = [
        Client().post("/admin/login/", {"username": f"n{n}@example.org", "password": "x"}).status_code
        for n in range(31)
    ]
    assert statuses == [200] * 30 + [429]
    assert Client().get("/admin/login/").status_code == 200
