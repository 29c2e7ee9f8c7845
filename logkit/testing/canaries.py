"""Canaries: values that look like secrets, are none, and must be in no byte of any sink."""

from __future__ import annotations

import base64
import gzip
import logging
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields
from io import TextIOBase
from pathlib import Path
from typing import Any, BinaryIO, TextIO
from urllib.parse import quote

import orjson
from loguru import logger

from logkit.context import bound_context
from logkit.pipeline import current_settings, reopen
from logkit.testing.capture import capture
from logkit.testing.expectation import Line

_STREAMS = ((1, "stdout"), (2, "stderr"))
_SHOWN = 5  # places that a failure names
_AROUND = 40  # bytes on either side of a leak


def _word() -> str:
    """Random letters: no number that a rule could take for something else, no word that stands in a text."""
    return "".join(random.SystemRandom().choices("bcdfghjkmnpqrstvwxz", k=14))


def _digits(count: int) -> str:
    return "".join(random.SystemRandom().choices("0123456789", k=count))


def _card() -> str:
    start = "411111" + _digits(9)
    doubled = [int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(start)]
    total = sum(number - 9 if number > 9 else number for number in doubled)
    return start + str(-total % 10)


def _jwt() -> str:
    parts = (b'{"alg":"HS256","typ":"JWT"}', b'{"sub":"' + _word().encode() + b'"}', _word().encode() * 2)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@dataclass(frozen=True, slots=True)
class Canaries:
    """What a test plants in all that it sends: forms, headers, texts. `text` is content, which no rule can know."""

    password: str = field(default_factory=lambda: f"{_word()}!9")
    api_key: str = field(default_factory=lambda: f"sk_live_{_word()}{_digits(10)}")
    token: str = field(default_factory=_jwt)
    session: str = field(default_factory=lambda: _word() + _digits(18))
    email: str = field(default_factory=lambda: f"{_word()}@example.com")
    phone: str = field(default_factory=lambda: f"+4930{_digits(8)}")
    card: str = field(default_factory=_card)
    text: str = field(default_factory=lambda: f"my dear {_word()}, see you at noon")

    def items(self) -> Iterator[tuple[str, str]]:
        """Each name and value; for a form, say: `dict(canaries.items())`."""
        for each in fields(self):
            yield each.name, getattr(self, each.name)

    def plant(self) -> None:
        """Put all but `text` through every door of logging, as code would that forgot to think."""
        by_key = {name: value for name, value in self.items() if name != "text"}
        by_shape = (
            f"{self.email} {self.phone} {self.card} {self.token} {self.api_key} password={self.password}"
        )
        with bound_context(**by_key):
            # logkit: ignore[LK201] this is what it is for
            logger.bind(**by_key, payload=by_key, note=by_shape).warning("canary.planted")
        known = logging.getLogger("logkit.testing")
        # logkit: ignore[LK201] the same
        known.warning("canary.planted", extra={"payload": by_key})
        try:
            raise ValueError(by_shape)
        except ValueError:
            logger.opt(exception=True).warning("canary.planted")


class NoSecrets:
    """A block after which every sink is searched for canaries that were planted in it, and for `others`.

    Entering plants them in logging itself; the block plants them in what it sends. Looked at are the bytes that reached
    stdout and stderr, of this process and of its children, what sinks of `add_sink()` are given, LOG_FILE and what it
    was rotated to, the audit trail and its spool. Leaving raises `AssertionError` that names each leak and its place.
    """

    def __init__(self, *others: str) -> None:
        self._others = others
        self._canaries = Canaries()
        self._block = ExitStack()

    def __enter__(self) -> Canaries:
        with ExitStack() as stack:
            self._captured = stack.enter_context(capture())
            self._streams = [stack.enter_context(_redirected(fd, name)) for fd, name in _STREAMS]
            reopen()  # stdout is another file now
            self._canaries.plant()
            self._block = stack.pop_all()
        return self._canaries

    def __exit__(self, exc_type: type[BaseException] | None, *_: object) -> None:
        __tracebackhide__ = True
        with self._block:
            found = [] if exc_type else list(self._leaks())
        reopen()
        if found:
            shown = "\n".join(f"  {leak}" for leak in found[:_SHOWN])
            more = f"\n  … and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            places = f"{len(found)} place{'' if len(found) == 1 else 's'}"
            raise AssertionError(f"a secret can be read in {places}:\n{shown}{more}")

    def _leaks(self) -> Iterator[str]:
        planted = dict(self._canaries.items()) | {f"the {n}. value": v for n, v in enumerate(self._others, 1)}
        for line in self._captured.events:
            source = line["source"]
            for part, value in _parts(line):
                for name, _ in _found(planted, value):
                    yield f"{name} in {part} of {line['message']} ({source['file']}:{source['line']})"
        for place, data in [*(stream.content() for stream in self._streams), *_files()]:
            for name, excerpt in _found(planted, data):
                yield f"{name} in {place}: {excerpt}"


class _Stream:
    """What was written to a descriptor, and to the stream that Python has for it."""

    def __init__(self, name: str, file: BinaryIO, printed: _Copy) -> None:
        self._name, self._file, self._printed = name, file, printed

    def content(self) -> tuple[str, bytes]:
        self._file.seek(0)
        return self._name, self._file.read() + "".join(self._printed.texts).encode("utf-8", "replace")


class _Copy(TextIOBase):
    """Keeps what is printed, and prints it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.texts: list[str] = []

    def write(self, text: str) -> int:
        self.texts.append(text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _redirected(descriptor: int, name: str) -> Iterator[_Stream]:
    """A file in the place of `descriptor`; what was written to it is written on in the end."""
    outer = getattr(sys, name)
    outer.flush()
    with tempfile.TemporaryFile() as file:
        kept = os.dup(descriptor)
        os.dup2(file.fileno(), descriptor)
        printed = _Copy(outer)
        setattr(sys, name, printed)
        try:
            yield _Stream(name, file, printed)
        finally:
            setattr(sys, name, outer)
            outer.flush()
            os.dup2(kept, descriptor)
            file.seek(0)
            with os.fdopen(kept, "wb") as onward:
                onward.write(file.read())


def _parts(line: Line) -> Iterator[tuple[str, bytes]]:
    """The parts of an event, by what a person would call them."""
    for name, value in line["context"].items():
        yield f"the field {name!r}", orjson.dumps({name: value})
    for name in ("message", "exception", "logger", "thread"):
        if name in line:
            yield f"the {name}", orjson.dumps(line[name])


def _files() -> Iterator[tuple[str, bytes]]:
    settings = current_settings()
    paths: list[Path] = []
    if settings is not None and settings.file is not None:
        paths += settings.file.parent.glob(f"{settings.file.stem}*")
    if settings is not None and settings.audit.enabled:
        paths += [*settings.audit.directory.rglob("*"), *settings.audit.spool_directory.rglob("*")]
    for path in sorted(path for path in paths if path.is_file()):
        data = path.read_bytes()
        yield str(path), gzip.decompress(data) if path.suffix == ".gz" else data


def _found(planted: dict[str, str], data: bytes) -> Iterator[tuple[str, str]]:
    """The names of the secrets in `data`, each with what is around it."""
    for name, value in planted.items():
        for how, pattern in _disguises(value):
            place = data.find(pattern)
            if place >= 0:
                excerpt = data[max(0, place - _AROUND) : place + len(pattern) + _AROUND]
                yield f"{name}{how}", excerpt.decode("utf-8", "backslashreplace").replace("\n", "\\n")
                break


def _disguises(value: str) -> Iterator[tuple[str, bytes]]:
    """How a value may look in a sink: as it is, and as what encodes it leaves it."""
    raw = value.encode()
    yield "", raw
    yield " (in JSON)", orjson.dumps(value)[1:-1]
    yield " (quoted for a URL)", quote(value, safe="").encode()
    yield " (in base64)", base64.b64encode(raw)[: len(raw) // 3 * 4]
    yield " (in hex)", raw.hex().encode()
