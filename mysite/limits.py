"""How often one person, or one address, may call: beyond it the answer is 429 with Retry-After.

`AddressLimit`, `MemberLimit`, `limited` (the same for a view of Django's), `is_within` (for whatever else is counted).

Calls are counted in windows by the cache's atomic increment. Ninja's own throttles keep the call that they look at on
the throttle, which all threads share, so that two calls at once are counted for one another.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import lru_cache, wraps
from ipaddress import ip_network

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from loguru import logger
from ninja.throttling import BaseThrottle

from logkit import pipeline
from logkit.django.client_ip import ClientAddress

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def is_within(scope: str, who: str, *, most: int, window_s: int) -> bool:
    """Count one more of `scope` for `who`: is it one of the first `most` in this window?"""
    key = f"limit:{scope}:{who}:{int(time.time() // window_s)}"
    try:
        cache.add(key, 0, timeout=window_s)
        return cache.incr(key) <= most
    except Exception as error:  # noqa: BLE001 - a cache that is away must not take the service with it
        logger.bind(limit=scope, exception_type=type(error).__qualname__).warning("limit.not_counted")
        return True


class _Limit(BaseThrottle):
    """At most `rate` calls of one kind ("30/m", "1200/h") from whoever `who` names."""

    def __init__(self, scope: str, rate: str, who: Callable[[HttpRequest], str]) -> None:
        self.scope, self.who = scope, who
        count, _, unit = rate.partition("/")
        self.most, self.window_s = int(count), _SECONDS[unit]

    def allow_request(self, request: HttpRequest) -> bool:
        return is_within(self.scope, self.who(request), most=self.most, window_s=self.window_s)

    def wait(self) -> float:
        return self.window_s - time.time() % self.window_s


class AddressLimit(_Limit):
    """For calls of anybody: counts by client address, ADDRESS_RATE unless told."""

    def __init__(self, scope: str, rate: str | None = None) -> None:
        super().__init__(scope, rate or settings.ADDRESS_RATE, client_address)


class MemberLimit(_Limit):
    """For all calls together: counts by person, or by address where nobody is logged in; MEMBER_RATE unless told."""

    def __init__(self, rate: str | None = None) -> None:
        super().__init__("member", rate or settings.MEMBER_RATE, _member)


def _member(request: HttpRequest) -> str:
    return str(request.user.pk or client_address(request))


def client_address(request: HttpRequest) -> str:
    """Whom a call is counted for: the client as the log knows it, by LOG_TRUSTED_PROXIES; of IPv6 its network.

    Who has one IPv6 address has all 2**64 of its network.
    """
    found = _reader()(request.META.get("REMOTE_ADDR"), request.META.get("HTTP_X_FORWARDED_FOR")) or "nobody"
    return str(ip_network(f"{found}/64", strict=False)) if ":" in found else found


def limited(view: Callable[..., HttpResponseBase], limit: _Limit) -> Callable[..., HttpResponseBase]:
    """The view, whose unsafe calls are limited."""

    @wraps(view)
    def counted(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if request.method == "POST" and not limit.allow_request(request):
            wait = str(math.ceil(limit.wait()))
            return HttpResponse("Too many tries; wait a little.", status=429, headers={"Retry-After": wait})
        return view(request, *args, **kwargs)

    return counted


@lru_cache(maxsize=1)
def _reader() -> ClientAddress:
    installed = pipeline.current_settings()
    return ClientAddress("full", installed.trusted_proxies if installed else ())
