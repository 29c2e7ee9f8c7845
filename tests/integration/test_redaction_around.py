"""Nothing secret gets around the redactor: planted in every place, searched in every byte. (P03, P06, P07)"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.program import Result, run

CANARY = "Canary-4711-xyz"
PROLOGUE = f"""
import dataclasses, decimal, enum, warnings
CANARY = {CANARY!r}
SECRET = "password=" + CANARY
"""


def clean(result: Result, *events: str) -> Result:
    """Every expected line is there, and the canary is in no byte of stdout or stderr."""
    for event in events:
        assert any(event in line["message"] for line in result.lines), (event, result.stdout, result.stderr)
    dirty = [line for line in (result.stdout + result.stderr).splitlines() if CANARY.encode() in line]
    assert not dirty, b"\n".join(dirty).decode()
    return result


def run_clean(code: str, *events: str, environ: dict[str, str] | None = None) -> Result:
    return clean(run(PROLOGUE + code, environ=environ), *events)


def test_p03_messages_fields_and_context() -> None:
    """Messages, bound and call fields, context, dict keys, bytes, dataclasses, header pairs."""
    run_clean(
        """
@dataclasses.dataclass
class Account:
    name: str
    password: str
logkit.bind_context(note=SECRET, nested={"token": CANARY})
logger.info("bound." + SECRET)
logger.bind(password=CANARY, detail={"a": [{"api_key": CANARY}]}, raw=SECRET.encode()).info("fields")
logger.bind(account=Account("a", CANARY), headers=[("Authorization", CANARY)]).info("objects")
logger.bind(**{"k": {SECRET: 1}}).info("keys")
logger.info("formatted {} token={token}", SECRET, token=CANARY)
logger.opt(lazy=True).info("lazy {}", lambda: SECRET)
with logkit.bound_context(session=CANARY, user_email="x@example.org"):
    logger.info("context")
with logger.contextualize(secret=CANARY):
    logger.info("contextualized")
logger.patch(lambda record: record["extra"].update(pin=CANARY)).info("patched")
logger.patch(lambda record: record.update(message="patched " + SECRET)).info("patched message")
""",
        "bound.",
        "fields",
        "objects",
        "keys",
        "formatted",
        "lazy",
        "context",
        "contextualized",
        "patched",
    )


def test_p03_stdlib_records() -> None:
    """Arguments, mappings as arguments, `extra`, objects as messages."""
    run_clean(
        """
logging.info("args %s %r", SECRET, {"password": CANARY})
logging.info("mapping %(password)s x", {"password": "x"})
logging.info("extra", extra={"api_key": CANARY, "deep": {"cookie": CANARY}, "note": SECRET})
logging.getLogger("odd").warning({"password": CANARY, "event": "dict message"})
logging.getLogger("odd").warning(["Authorization: Bearer " + CANARY])
""",
        "args",
        "mapping",
        "extra",
        "dict message",
    )


def test_p03_exceptions() -> None:
    """Texts of exceptions, notes, causes, contexts, groups; locals are in no line."""
    run_clean(
        """
def fail(local):
    try:
        raise KeyError(SECRET)
    except KeyError as first:
        error = ValueError(SECRET)
        error.add_note(SECRET)
        raise error from first
for place in (logger.exception, logging.exception):
    try:
        fail(CANARY)
    except ValueError:
        place("failed")
try:
    raise ExceptionGroup(SECRET, [ValueError(SECRET), OSError("https://u:" + CANARY + "@h/x")])
except ExceptionGroup:
    logger.opt(exception=True).error("group")
logger.bind(error=ValueError(SECRET)).error("as field")
logger.error(ValueError(SECRET))
@logger.catch(message="caught")
def caught(argument):
    raise ValueError(SECRET)
caught(CANARY)
""",
        "failed",
        "group",
        "as field",
        "caught",
    )


def test_p06_uncaught_exceptions_and_warnings() -> None:
    """Hooks of the process: threads, unraisable exceptions, warnings, the end of the program."""
    result = run(
        PROLOGUE
        + """
warnings.warn("deprecated: " + SECRET, stacklevel=1)
class Broken:
    def __del__(self):
        raise ValueError(SECRET)
Broken()
def work():
    raise ValueError(SECRET)
thread = threading.Thread(target=work); thread.start(); thread.join()
raise RuntimeError(SECRET)
"""
    )
    assert CANARY.encode() not in result.stdout, result.stdout
    assert len(result.lines) == 4
    assert result.code == 1


@pytest.mark.parametrize(
    "code",
    [
        'logging.info("%d", SECRET)',
        'logging.info("%s %s", SECRET)',
        'logging.info("bad %(x)d", {"x": SECRET})',
        'logger.info("{missing} {0}", SECRET)',
        'logger.info("{.nothing}", SECRET)',
    ],
)
def test_p06_broken_formats_print_nothing_raw(code: str) -> None:
    """A message that cannot be formatted is not printed with its arguments by anybody."""
    result = run(
        PROLOGUE
        + f"try:\n    {code}\nexcept Exception as error:\n    print(type(error).__name__, file=sys.stderr)\n"
    )
    assert CANARY.encode() not in result.stdout + result.stderr, result.stderr


def test_p06_a_failing_added_sink_gets_and_prints_nothing_raw() -> None:
    """A sink of somebody's that fails is reported without the record; what it was given was safe."""
    result = run_clean(
        """
given = []
def sink(event):
    given.append(str(event))
    raise ValueError("sink " + SECRET)
logkit.add_sink(sink, level="INFO", name="mine")
logger.bind(password=CANARY, note=SECRET).info("to the sink " + SECRET)
assert CANARY not in "".join(given), given
assert given
""",
        "to the sink",
    )
    assert result.code == 0, result.stderr


def test_p06_failing_foreign_handlers_print_no_record() -> None:
    """Loguru and stdlib say that a foreign handler failed, where, and on what line's record; nothing of the record."""
    result = run(
        PROLOGUE
        + """
def bad(message): raise ValueError(str(message))
logger.add(bad, format="{message} {extra}")
class Bad(logging.Handler):
    def emit(self, record):
        try:
            raise ValueError(record.getMessage())
        except ValueError:
            self.handleError(record)
logging.getLogger("foreign").addHandler(Bad())
logger.bind(password=CANARY).info("from loguru " + SECRET)
logging.getLogger("foreign").warning("from stdlib %s", SECRET)
"""
    )
    assert CANARY.encode() not in result.stdout + result.stderr, result.stderr
    told = result.stderr.decode().splitlines()
    assert any("Loguru's handler" in line and "ValueError" in line and "in bad" in line for line in told)
    assert any("stdlib's Bad failed with ValueError" in line and "foreign:" in line for line in told)
    assert result.code == 0


def test_p06_objects_that_raise_while_they_are_looked_at() -> None:
    """A value whose methods raise with a secret in the exception shows neither."""
    run_clean(
        """
class Hostile:
    def __repr__(self): raise ValueError(SECRET)
    __str__ = __format__ = __repr__
class HostileDict(dict):
    def items(self): raise ValueError(SECRET)
    def __iter__(self): raise ValueError(SECRET)
logger.bind(a=Hostile(), b=HostileDict(x=1), c=[Hostile()]).info("hostile")
logging.info("hostile arg %s", Hostile())
logging.info(Hostile())
""",
        "hostile",
    )


def test_p03_django_sql_and_its_parameters() -> None:
    """`django.db.backends` says the statement; parameters are people's data and stay out."""
    run_clean(
        """
import django
from django.conf import settings
database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
settings.configure(DEBUG=True, DATABASES={"default": database}, LOGGING_CONFIG=None)
django.setup()
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("CREATE TABLE person (id int, name text UNIQUE, password text)")
    cursor.execute("INSERT INTO person (id, name, password) VALUES (%s, %s, %s)", [7, CANARY, CANARY])
    cursor.execute("UPDATE person SET password = '" + CANARY + "' WHERE id = 7")
    try:
        cursor.execute("SELECT nothing FROM person WHERE password = '" + CANARY + "'")
    except Exception:
        logger.exception("query failed")
""",
        "INSERT INTO person",
        "query failed",
        environ={"LOG_LEVEL": "DEBUG"},
    )


def test_p03_django_objects() -> None:
    """Models, querysets, requests, lazy users, forms, sessions: named, never shown, and nothing is queried for it."""
    result = run_clean(
        """
import django
from django.conf import settings
database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
apps = ["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"]
settings.configure(DATABASES={"default": database}, INSTALLED_APPS=apps, LOGGING_CONFIG=None, SECRET_KEY=CANARY)
django.setup()
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse, QueryDict
from django.test import RequestFactory
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy
user = User(pk=7, username="bob", password=CANARY, email="bob@example.org")
request = RequestFactory().get("/share/aB3aB3aB3aB3aB3aB3aB3?token=" + CANARY, HTTP_COOKIE="sessionid=" + CANARY)
asleep, awake = SimpleLazyObject(lambda: 1 / 0), SimpleLazyObject(lambda: user)
awake.pk
logger.bind(
    user=user, users=[user], all=User.objects.all(), manager=User.objects, request=request, asleep=asleep, awake=awake,
    lazy=gettext_lazy("hello"), form=QueryDict("a=1&password=" + CANARY + "&b=1&b=2"), response=HttpResponse(CANARY),
    upload=SimpleUploadedFile("n", CANARY.encode()), error=ValidationError({"password": [CANARY]}),
    headers=request.headers, meta=request.META, store=SessionStore(CANARY), secret_settings=settings,
).info("objects")
""",
        "objects",
    )
    shown = result.only("objects")["context"]
    assert shown["user"] == "auth.User:7" == shown["awake"] == shown["users"][0]
    assert shown["all"] == "<QuerySet of auth.User>"
    assert shown["request"].endswith("WSGIRequest GET /share/[REDACTED]>")
    assert shown["asleep"] == "<lazy>"
    assert shown["lazy"] == "hello"
    assert shown["form"] == {"a": "1", "password": "[REDACTED]", "b": ["1", "2"]}


def test_p03_celery_arguments() -> None:
    """Celery's own records carry a task's arguments; none of them comes out."""
    run_clean(
        """
from celery import Celery
app = Celery("x", broker="memory://", backend="cache+memory://")
app.conf.update(task_always_eager=True, worker_hijack_root_logger=False)
@app.task
def login(user, password):
    raise ValueError("no user with password=" + password)
login.apply(args=("bob", CANARY), kwargs={})
login.apply(kwargs={"user": "bob", "password": CANARY})
logger.info("done")
""",
        "done",
        environ={"LOG_LEVEL": "DEBUG"},
    )


def test_p07_files_and_console_hold_nothing_either(tmp_path: Path) -> None:
    """Every sink shares the one safe event: the file and the console line are as clean as stdout."""
    file = tmp_path / "app.log"
    result = run(
        PROLOGUE + 'logger.bind(password=CANARY, n=1).info("said " + SECRET)\n',
        environ={"LOG_FILE": str(file), "LOG_FORMAT": "console"},
    )
    assert b"said password=[REDACTED]" in result.stdout
    assert b"said password=[REDACTED]" in file.read_bytes()
    assert CANARY.encode() not in result.stdout + result.stderr + file.read_bytes()


def test_p06_settings_show_no_secret() -> None:
    """Neither `repr` of the settings nor an error about them shows the pseudonym key."""
    result = run(
        """
        from logkit.settings import LogSettings
        settings = LogSettings.from_env(os.environ)
        print(repr(settings), str(settings), vars(type(settings)) and "")
        try:
            LogSettings.from_env({**os.environ, "LOG_LEVEL": "nonsense", "LOG_PSEUDONYM_KEY": "Canary-4711-xyz"})
        except Exception as error:
            print(error, repr(error), file=sys.stderr)
        raise SystemExit(0)
        """,
        configure=True,
        environ={"LOG_PSEUDONYM_KEY": CANARY + "-and-enough-characters-to-be-a-key"},
    )
    assert CANARY.encode() not in result.stdout + result.stderr
    assert b"LOG_LEVEL" in result.stderr
