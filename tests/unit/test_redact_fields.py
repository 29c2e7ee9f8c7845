"""Fields of any kind come out as plain data without secrets. (P01, P03, P05, L09)"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import ipaddress
import json
import pathlib
import threading
import uuid
from collections import OrderedDict, deque, namedtuple
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from pydantic import BaseModel, SecretStr

from logkit.parsers import Secret
from logkit.redact import HIDDEN, Pseudonyms, Redactor, hide_path_segments

REDACTOR = Redactor(
    extra_keys=("nickname", "mother maiden"), allow_keys=("token_hint",), hidden_names=("fc_sid", "fc-csrf")
)
KEY = "a-key-of-at-least-32-characters-for-tests"
CANARY = "canary-4711-value"


def dumped(**fields: object) -> dict[str, Any]:
    """What a reader of the JSON line gets."""
    return json.loads(orjson.dumps(REDACTOR.fields(fields)))


def shown(value: object) -> Any:
    return dumped(item=value)["item"]


class Colour(enum.Enum):
    RED = "red"
    OBJECT = object()


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Account:
    name: str
    password: str
    seed: str = dataclasses.field(default="x", repr=False)


class Form(BaseModel):
    name: str
    api_key: str
    pin: SecretStr


class Raising:
    def __repr__(self) -> str:
        raise RuntimeError(CANARY)

    __str__ = __repr__


class RaisingMapping(Mapping[str, object]):
    def __getitem__(self, name: str) -> object:
        raise RuntimeError

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError

    def __len__(self) -> int:
        return 1


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError

    def __hash__(self) -> int:
        raise RuntimeError


Pair = namedtuple("Pair", "user token")


def test_p03_scalars_pass_as_they_are() -> None:
    """Numbers, booleans, None and clean texts need no change."""
    fields = {"count": 5, "ratio": 0.5, "ok": True, "none": None, "name": "Jane", "id": str(uuid.uuid4())}
    assert REDACTOR.fields(fields) == fields
    assert REDACTOR.fields(fields)["name"] is fields["name"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (10**30, "1" + "0" * 30),
        (-(10**30), "-1" + "0" * 30),
        (2**64 - 1, 2**64 - 1),
        (float("nan"), None),
        (b"abc", "abc"),
        (b"\xff\xfe\x00", "<3 bytes>"),
        (bytearray(b"abc"), "abc"),
        (decimal.Decimal("1.50"), "1.50"),
        (datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.UTC), "2026-01-02T03:04:00+00:00"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (datetime.timedelta(seconds=1.5), 1.5),
        (uuid.UUID(int=7), str(uuid.UUID(int=7))),
        (pathlib.PurePosixPath("/a/b"), "/a/b"),
        (ipaddress.ip_address("10.0.0.1"), "10.0.0.1"),
        (Colour.RED, "red"),
        (Colour.OBJECT, "tests.unit.test_redact_fields.Colour.OBJECT"),
        (Level.HIGH, 3),
        ((1, 2), [1, 2]),
        (deque([1]), [1]),
        ({"a": {1}}, {"a": [1]}),
        (OrderedDict(a=1), {"a": 1}),
        ({1: "a", None: "b", (1, 2): "c", b"d": "e"}, {"1": "a", "None": "b", "[1, 2]": "c", "d": "e"}),
        ("a\ud800b", "a\ufffdb"),
        (SimpleNamespace, "types.SimpleNamespace"),
        (object, "object"),
    ],
    ids=lambda value: type(value).__name__,  # the same in every process
)
def test_l09_values_become_json(value: object, expected: object) -> None:
    """What JSON cannot say is said in text."""
    assert shown(value) == expected


def test_l09_hostile_objects_become_a_marker() -> None:
    """An object that raises, or pretends, harms nothing and shows nothing."""
    assert shown(Raising()) == "<tests.unit.test_redact_fields.Raising: cannot be shown>"
    assert "cannot be shown" in shown(RaisingMapping())
    assert shown(Text("plain")) == "plain"
    assert REDACTOR.text(Text("password=abc1234")) == "[REDACTION_FAILED]"
    assert REDACTOR.fields(RaisingMapping()) == {"[REDACTION_FAILED]": "[REDACTION_FAILED]"}
    assert dumped(**{"a\ud800": 1}) == {"a\ufffd": 1}


def test_l09_generators_are_not_consumed() -> None:
    """A generator or file that is logged can still be used."""
    generator = (number for number in range(3))
    assert str(shown(generator)).startswith("<generator")
    assert list(generator) == [0, 1, 2]
    iterator = iter([1, 2])
    shown(iterator)
    assert list(iterator) == [1, 2]


def test_l09_cycles_end() -> None:
    """A list in itself, and an object that points at itself, come out once."""
    loop: list[object] = [1]
    loop.append(loop)
    assert shown(loop) == [1, "<cycle>"]
    account = Account("a", "b")
    account.name = account  # type: ignore[assignment]
    assert shown(account)["name"] == "<cycle>"


def test_p01_sensitive_subtrees_go_whole() -> None:
    """Everything under a sensitive key goes, numbers included; booleans and None stay."""
    assert dumped(credentials={"a": 1, "b": [CANARY]}, pin=4930, password=True, token=None, cookies=[]) == {
        "credentials": HIDDEN, "pin": HIDDEN, "password": True, "token": None, "cookies": HIDDEN,
    }  # fmt: skip


def test_p01_counts_are_no_secrets() -> None:
    """A bare number under a plural is a count; a list is not."""
    assert dumped(tokens=5, sessions=3, secrets=[1]) == {"tokens": 5, "sessions": 3, "secrets": HIDDEN}


def test_p01_configured_words() -> None:
    """Further words, names that stay, and Django's cookie names are configured."""
    assert dumped(nickname="Jo", user_nickname="Jo", mother_maiden_name="X", fc_sid="x", token_hint="**12") == {
        "nickname": HIDDEN, "user_nickname": HIDDEN, "mother_maiden_name": HIDDEN, "fc_sid": HIDDEN,
        "token_hint": "**12",
    }  # fmt: skip
    assert REDACTOR.text("Cookie: fc_sid=abc") == "Cookie: fc_sid=[REDACTED]"
    assert REDACTOR.text("fc_sid=abc fc-csrf=def") == "fc_sid=[REDACTED] fc-csrf=[REDACTED]"


def test_p01_names_chosen_by_an_attacker_do_not_fill_memory() -> None:
    """Verdicts and clean texts are remembered in bounded number."""
    redactor = Redactor()
    for number in range(20_000):
        redactor.fields({f"name{number}": f"value{number}"})
    assert len(redactor._keys._verdicts) <= 4096
    assert len(redactor._names) <= 4096
    assert len(redactor._clean) + len(redactor._older) <= 4096


def test_p03_references_survive_only_as_pseudonyms() -> None:
    """`session` and `..._ref` show a pseudonym and nothing else; `order_ref` is no such name."""
    pseudonym = Pseudonyms(KEY).of("session", "abc")
    fields = {"session": pseudonym, "identifier_ref": pseudonym, "email_ref": pseudonym}
    assert dumped(**fields) == fields
    assert dumped(session="abc", identifier_ref="bob", sessionRef="abc") == dict.fromkeys(
        ("session", "identifier_ref", "sessionRef"), HIDDEN
    )
    assert dumped(order_ref="A-17") == {"order_ref": "A-17"}


def test_p03_dict_keys_are_scrubbed() -> None:
    """A secret used as a key is hidden too, and no two keys fall together."""
    keys = set(dumped(by={"a@example.org": 1, "b@example.org": 2})["by"])
    assert keys == {"[REDACTED:email]", "[REDACTED:email] #2"}


def test_p03_objects_are_walked() -> None:
    """Dataclasses, named tuples, pydantic models and mappings meet the key rules."""
    assert shown(Account("a", CANARY)) == {"name": "a", "password": HIDDEN}
    assert shown(Pair("a", CANARY)) == {"user": "a", "token": HIDDEN}
    assert shown(Form(name="a", api_key=CANARY, pin=SecretStr(CANARY))) == {
        "name": "a", "api_key": HIDDEN, "pin": HIDDEN,
    }  # fmt: skip
    assert shown(SecretStr(CANARY)) == HIDDEN
    assert shown(Secret(CANARY)) == HIDDEN
    assert shown(ValueError(f"password={CANARY}")) == "ValueError: password=[REDACTED]"
    assert CANARY not in str(shown(SimpleNamespace(password=CANARY)))
    assert shown(f"token={CANARY}".encode()) == "token=[REDACTED]"


def test_p03_pairs_in_lists() -> None:
    """Header pairs, named values and argument lists are understood."""
    assert dumped(headers=[("Authorization", CANARY), (b"cookie", CANARY.encode()), ("Host", "a")])["headers"] == [
        ["Authorization", HIDDEN], ["cookie", HIDDEN], ["Host", "a"],
    ]  # fmt: skip
    assert dumped(h=[{"name": "Cookie", "value": CANARY}])["h"] == [{"name": "Cookie", "value": HIDDEN}]
    assert dumped(argv=["tool", "--password", CANARY, "run"])["argv"] == ["tool", "--password", HIDDEN, "run"]
    assert dumped(fields=["password", "email"])["fields"] == ["password", "email"]


def test_p05_nothing_of_the_caller_changes() -> None:
    """The redactor never writes into what it was given."""
    inner = {"password": CANARY, "list": [CANARY, {"token": CANARY}]}
    fields = {"inner": inner}
    before = json.dumps(fields)
    REDACTOR.fields(fields)
    assert json.dumps(fields) == before


def test_p02_card_numbers_as_numbers() -> None:
    """A card number that is no text is one all the same; times in milliseconds are none."""
    assert dumped(n=4111111111111111, ms=1763906531123, us=1763906531123456) == {
        "n": "[REDACTED:card]", "ms": 1763906531123, "us": 1763906531123456,
    }  # fmt: skip


def test_p05_one_redactor_for_all_threads() -> None:
    """Threads that share a redactor, and thrash what it remembers, all get the right answer."""
    redactor = Redactor()
    wrong: list[object] = []

    def work(seed: int) -> None:
        for number in range(3_000):
            shown = redactor.fields(
                {f"key{seed}{number}": f"v{number}", "password": CANARY, "note": f"a{number}@b.org"}
            )
            if shown["password"] != HIDDEN or shown["note"] != "[REDACTED:email]":
                wrong.append(shown)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/circles/550e8400-e29b-41d4-a716-446655440000/messages", None),
        ("/static/images/family-photo-of-the-summer-2024.jpg", None),
        ("/api/circles/1234567890123456789", None),
        ("/share/" + "aB3" * 8, "/share/[REDACTED]"),
        ("/reset/MQ/" + "c3x2b1-" + "0123456789abcdef" * 2 + "/", "/reset/MQ/[REDACTED]/"),
        ("/x/" + "0123456789abcdef" * 2, "/x/[REDACTED]"),
        ("/short/aB3", None),
    ],
)
def test_r25_paths_lose_their_capabilities(path: str, expected: str | None) -> None:
    """Long mixed segments of a path are hidden; words, numbers and UUIDs stay."""
    assert hide_path_segments(path) == (expected or path)


def test_p03_a_name_that_is_a_secret_is_hidden_every_time() -> None:
    """A name is remembered only when it may be shown: the second line is as safe as the first."""
    redactor = Redactor()
    shown = [redactor.fields({"carol@example.org": 3}) for _ in range(3)]
    assert shown == [shown[0]] * 3
    assert "carol" not in repr(shown)
