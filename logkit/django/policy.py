"""What the settings say about requests, prepared once: whom to trust, what is quiet, how a session is named."""

from __future__ import annotations

from logkit.access import path_matcher
from logkit.django.client_ip import ClientAddress
from logkit.redact import Pseudonyms, Redactor
from logkit.settings import LogSettings
from logkit.trace import is_request_id, new_request_id

_LONGEST_SESSION_KEY = 128  # a longer cookie is no session id but the session itself (signed cookies)


class Policy:
    """`LogSettings` as the request middleware needs them."""

    def __init__(self, settings: LogSettings) -> None:
        self.settings = settings
        self.client_address = ClientAddress(settings.client_ip, settings.trusted_proxies)
        self.is_quiet = path_matcher(settings.quiet_paths)
        self._redactor = Redactor(extra_keys=settings.redact_keys, allow_keys=settings.redact_allow)
        key = settings.pseudonym_key
        self._pseudonyms = Pseudonyms(key.reveal()) if key is not None else None

    def request_id(self, given: str | None) -> str:
        """The id that came with the request, or a new one when it is none, or when lines would hide it. (R06)"""
        if is_request_id(given) and self._redactor.fields({"request_id": given})["request_id"] == given:
            return given
        return new_request_id()

    def session(self, key: str | None) -> str | None:
        """The pseudonym of a session key, which itself is as good as a password. (decision 13)"""
        if not key or self._pseudonyms is None or len(key) > _LONGEST_SESSION_KEY:
            return None
        return self._pseudonyms.of("session", key)
