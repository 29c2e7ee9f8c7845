"""Plants secrets: every way to write one, in every place that something can be logged from. (P03, P07)

Run as a program: `python -m tests.properties.planting FILE`, with logkit's environment. Each planted secret has a
number of its own, so that the one that comes out can be named: `PLANTED` finds it, `place_of` says where it was.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import linecache
import logging
import re
import sys
import warnings
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from loguru import logger
from pydantic import BaseModel, SecretStr

import logkit
from logkit import audit
from logkit.audit import Actor, Target

STDLIB = logging.getLogger("planted")
PLANTED = re.compile(rb"Zq(\d{5})Canary9Kp")
# What a secret may stand between.
AROUND = (
    ("", ""), ("x ", " y"), ("(", ")"), ("\n", "\n"), ("é ", " é"), ("; ", "; z=1"), ("[", " ]"), ("\t", "\t"),
    ("->", ""),
)  # fmt: skip
# Ways to write a secret that is recognised by how it stands.
SHAPES: tuple[Callable[[str], str], ...] = (
    lambda secret: f"password={secret}",
    lambda secret: json.dumps({"token": secret, "n": 1}),
    lambda secret: json.dumps(json.dumps({"api_key": secret})),
    lambda secret: f"{{'client_secret': '{secret}'}}",
    lambda secret: f"https://app:{secret}@db.example.org/x",
    lambda secret: f"https://example.org/cb?access_token={secret}&x=1",
    lambda secret: f"Authorization: Bearer {secret}",
    lambda secret: f"Cookie: sessionid={secret}; theme=dark",
    lambda secret: f"<password>{secret}</password>",
    lambda secret: f"tool --password {secret} run",
    lambda secret: f"wrong password '{secret}'",
    lambda secret: f"Server=db;Pwd={secret};",
    lambda secret: f"ghp_{secret}{secret}{secret}",
    lambda secret: f"{secret}@example.org",
    lambda secret: f"Key (token)=({secret}) already exists.",
    lambda secret: f"-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----",
)
Plant = Callable[[str, str], object]  # a text with the secret in it, and the secret alone

Pair = namedtuple("Pair", ["note", "token"])


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Account:
    note: str
    password: str


class Form(BaseModel):
    note: str
    api_key: str
    pin: SecretStr


class Shouted(str):
    """A text of a class of its own."""


def _raise(error: BaseException) -> None:
    try:
        raise error
    except type(error):
        logger.exception("failed")


def _noted(text: str, _: str) -> None:
    error = ValueError("noted")
    error.add_note(text)
    _raise(error)


def _caused(text: str, _: str) -> None:
    error = ValueError("caused")
    error.__cause__ = KeyError(text)
    _raise(error)


def _in_context(text: str, _: str) -> None:
    error = ValueError("in context")
    error.__context__ = KeyError(text)
    _raise(error)


def _grouped(text: str, _: str) -> None:
    _raise(ExceptionGroup(text, [ValueError(text), ExceptionGroup("inner", [OSError(text)])]))


def _on_a_source_line(text: str, _: str) -> None:
    source = f"raise ValueError('on a line')  # {text}".replace("\n", " ") + "\n"
    file = f"<planted {hash(text)}>"
    linecache.cache[file] = (len(source), None, [source], file)
    try:
        exec(compile(source, file, "exec"))
    except ValueError:
        STDLIB.exception("failed")
    finally:
        del linecache.cache[file]


def _caught(text: str, secret: str) -> None:
    @logger.catch(message="caught")
    def work(argument: str) -> None:
        raise ValueError(text)

    work(secret)


def _bound_block(text: str, secret: str) -> None:
    with logkit.bound_context(note=text, deep={"token": secret}):
        logger.info("context")
    with logger.contextualize(note=text, password=secret):
        STDLIB.info("contextualized")


def _sql(text: str, secret: str) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO person (note, password) VALUES (%s, %s)", [text, secret])
        cursor.execute("SELECT %s", [text])
        cursor.execute(f"UPDATE person SET password = '{secret}' WHERE note = %s", [text])


def _django(text: str, secret: str) -> None:
    from django.contrib.auth.models import User
    from django.http import HttpRequest, QueryDict
    from django.test import RequestFactory

    user = User(pk=7, username=text[:100], password=secret, email=f"{secret}@example.org")
    form = QueryDict(mutable=True)
    form.update({"note": text, "password": secret})
    request = RequestFactory().get("/x", {"token": secret}, HTTP_COOKIE=f"sessionid={secret}")
    logger.bind(
        user=user, users=[user], form=form, request=request, bare=HttpRequest(), meta=request.META
    ).info("django")


def _celery(text: str, secret: str) -> None:
    from tests.properties import planting_tasks

    planting_tasks.login.apply(args=(text, secret))
    planting_tasks.login.apply(kwargs={"note": text, "password": secret})


def _audited(text: str, secret: str) -> None:
    audit.emit(
        "user.created",
        actor=Actor.user(text),
        target=Target("user", text, owner=text),
        change={"note": [text, 1], "password": [None, secret]},
        detail={"source": text, "invitation_id": {"a": [{"password": secret}]}, text: secret},
    )


PLACES: dict[str, Plant] = {
    "message": lambda text, _: logger.info(text),
    "formatted": lambda text, secret: logger.info("said {} token={token}", text, token=secret),
    "lazy": lambda text, _: logger.opt(lazy=True).info("said {}", lambda: text),
    "bound": lambda text, secret: logger.bind(note=text, password=secret).info("bound"),
    "deep": lambda text, secret: logger.bind(a={"b": [(text, {"c": text, "cookie": secret})]}).info("deep"),
    "patched": lambda text, _: logger.patch(lambda record: record["extra"].update(note=text)).info("patched"),
    "patched message": lambda text, _: logger.patch(lambda record: record.update(message=text)).info("x"),
    "context": _bound_block,
    "stdlib args": lambda text, secret: STDLIB.info("said %s %r", text, {"password": secret}),
    "stdlib mapping": lambda text, secret: STDLIB.info("said %(note)s", {"note": text, "password": secret}),
    "stdlib extra": lambda text, secret: STDLIB.info("said", extra={"note": text, "api_key": secret}),
    "stdlib object": lambda text, secret: STDLIB.warning({"event": text, "password": secret}),
    "warning": lambda text, _: warnings.warn(text, stacklevel=1),
    "exception": lambda text, _: _raise(ValueError(text)),
    "exception's arguments": lambda text, _: _raise(KeyError(text, {"note": text})),
    "exception as field": lambda text, _: logger.bind(error=ValueError(text)).error("as field"),
    "exception as message": lambda text, _: logger.error(ValueError(text)),
    "note": _noted,
    "cause": _caused,
    "context of an exception": _in_context,
    "group": _grouped,
    "source line": _on_a_source_line,
    "catch": _caught,
    "sql": _sql,
    "celery": _celery,
    "django": _django,
    "header pair": lambda _, secret: logger.bind(
        headers=[("Authorization", secret), (b"cookie", secret)]
    ).info("h"),
    "named value": lambda _, secret: logger.bind(h=[{"name": "X-Api-Key", "value": secret}]).info("named"),
    "option": lambda _, secret: logger.bind(argv=["tool", "--password", secret]).info("option"),
    "key": lambda text, _: logger.bind(k={text: 1}).info("key"),
    "name": lambda text, _: logger.bind(**{text: 1}).info("name"),
    "bytes": lambda text, _: logger.bind(raw=text.encode(), array=bytearray(text.encode())).info("bytes"),
    "set": lambda text, _: logger.bind(s={text}, f=frozenset([text])).info("set"),
    "named tuple": lambda text, secret: logger.bind(pair=Pair(text, secret)).info("named tuple"),
    "dataclass": lambda text, secret: logger.bind(account=Account(text, secret)).info("dataclass"),
    "model": lambda text, secret: logger.bind(
        form=Form(note=text, api_key=secret, pin=SecretStr(secret))
    ).info("model"),
    "namespace": lambda text, secret: logger.bind(n=SimpleNamespace(note=text, password=secret)).info(
        "namespace"
    ),
    "text of a class": lambda text, _: logger.bind(note=Shouted(text), colour=Colour.RED).info("class"),
    "added fields": lambda text, _: logkit.add_fields(note=text),
    "audit": _audited,
}


def place_of(number: int) -> str:
    """Where the secret of this number was planted, and how it was written."""
    place, rest = divmod(number, len(SHAPES))
    return f"{list(PLACES)[place]}, written as {SHAPES[rest]('...')!r}"


def main(file: str) -> None:
    """Plant them all; what an added sink was given goes into `file`."""
    _set_django_up()
    with Path(file).open("w", encoding="utf-8") as given:
        logkit.add_sink(lambda event: print(event, file=given), level="DEBUG", name="planted")
        for place, plant in enumerate(PLACES.values()):
            for shape, write in enumerate(SHAPES):
                number = place * len(SHAPES) + shape
                secret = f"Zq{number:05}Canary9Kp"
                before, after = AROUND[number % len(AROUND)]
                plant(f"{before}{write(secret)}{after}", secret)


def _set_django_up() -> None:
    import django
    from django.conf import settings

    settings.configure(
        DEBUG=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
        LOGGING_CONFIG=None,
    )
    django.setup()
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE person (note text, password text)")


if __name__ == "__main__":
    logkit.configure()
    main(sys.argv[1])
