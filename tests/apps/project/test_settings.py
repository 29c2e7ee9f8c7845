"""What the environment may say: safe by default, and every fault named at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mysite.celery import app

PROJECT = Path(__file__).resolve().parents[3]
GOOD = {
    "LOG_ENVIRONMENT": "production",
    "SECRET_KEY": "quite a few different letters" * 2,
    "LOG_PSEUDONYM_KEY": "p" * 40,
    "ALLOWED_HOSTS": "circles.example",
}
SHOW = (
    "import json; from mysite import settings as s;"
    "print(json.dumps({n: getattr(s, n) for n in dir(s) if n.isupper()}, default=str))"
)


def start(tmp_path: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The settings read by a process of its own."""
    base = {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path / "var")}
    return subprocess.run(
        [sys.executable, "-c", SHOW],
        env=base | environ,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )


def settings(tmp_path: Path, **environ: str) -> dict:
    done = start(tmp_path, environ)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_every_fault_is_named_at_once(tmp_path):
    """Ours and logkit's in one message, each with what is allowed; secret values are not shown."""
    done = start(
        tmp_path,
        {
            "SECRET_KEY": "hush-too-short",
            "DATABASE_URL": "mysql-ish://anna:hush@db/x",
            "DEBUG": "perhaps",
            "PUSH_ATTEMPTS": "0",
            "LOG_LEVEL": "LOUD",
            "AUDIT_RETENTION": "security=soon",
        },
    )
    assert done.returncode != 0
    assert "The environment cannot be used:" in done.stderr
    message = done.stderr.partition("The environment cannot be used:")[2]
    for name in (
        "SECRET_KEY",
        "DATABASE_URL",
        "DEBUG",
        "PUSH_ATTEMPTS",
        "LOG_LEVEL",
        "AUDIT_RETENTION",
        "ALLOWED_HOSTS",
    ):
        assert f"- {name} " in message, name
    assert "hush" not in done.stderr


def test_without_a_word_it_is_production(tmp_path):
    """Nothing set: no start, because production needs its secrets; dev starts with nothing."""
    done = start(tmp_path, {})
    assert done.returncode != 0
    assert "SECRET_KEY is not set" in done.stderr
    assert start(tmp_path, {"LOG_ENVIRONMENT": "dev"}).returncode == 0


def test_production_is_hardened(tmp_path):
    """Cookies over HTTPS only, argon2 first, no debug page; and nobody can switch that off by accident."""
    made = settings(tmp_path, **GOOD)
    for name in (
        "SESSION_COOKIE_SECURE",
        "CSRF_COOKIE_SECURE",
        "SECURE_SSL_REDIRECT",
        "SESSION_COOKIE_HTTPONLY",
    ):
        assert made[name] is True, name
    assert made["DEBUG"] is False
    assert (made["SESSION_COOKIE_NAME"], made["CSRF_COOKIE_NAME"]) == ("__Host-sessionid", "__Host-csrftoken")
    assert made["SECURE_HSTS_SECONDS"] > 0
    assert "Argon2" in made["PASSWORD_HASHERS"][0]
    for name in ("DEBUG", "DEBUG_ROUTES"):
        done = start(tmp_path, {**GOOD, name: "on"})
        assert f"{name} is on" in done.stderr


def test_django_finds_nothing_to_say_about_a_production(tmp_path):
    """`check --deploy` is clean with a mail server, a cache and a database server; without, it names each."""
    neighbours = {
        "EMAIL_HOST": "mail.example",
        "CACHE_URL": "redis://cache.example/0",
        "DATABASE_URL": "postgresql://db.example/circles",
    }
    done = manage(tmp_path, {**GOOD, **neighbours}, "check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0
    assert "no issues (1 silenced)" in done.stdout + done.stderr
    alone = manage(tmp_path, GOOD, "check", "--deploy", "--fail-level", "WARNING")
    assert alone.returncode == 1
    for name in neighbours:
        assert f"HINT: Set {name} " in alone.stderr


def manage(tmp_path: Path, environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """A management command in a process of its own."""
    base = {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path / "var"), "LOG_STDOUT": "off"}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env=base | environ,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_links_in_letters_never_lead_to_localhost(tmp_path):
    """In production they begin with the first whole host name, or with what is said; plain HTTP is refused."""
    assert settings(tmp_path, **GOOD)["PUBLIC_URL"] == "https://circles.example"
    told = {**GOOD, "PUBLIC_URL": "https://app.example/"}
    assert settings(tmp_path, **told)["PUBLIC_URL"] == "https://app.example"
    for change in ({"ALLOWED_HOSTS": ".example"}, {"PUBLIC_URL": "http://app.example"}):
        assert "- PUBLIC_URL is " in start(tmp_path, {**GOOD, **change}).stderr


def test_secrets_come_from_files(tmp_path):
    """SECRET_KEY_FILE is read; a file that is not there is a fault with its name."""
    (tmp_path / "key").write_text("f" * 60 + "\n")
    given = {**GOOD, "SECRET_KEY": "", "SECRET_KEY_FILE": str(tmp_path / "key")}
    assert settings(tmp_path, **given)["SECRET_KEY"] == "f" * 60
    done = start(tmp_path, {**given, "SECRET_KEY_FILE": str(tmp_path / "none")})
    assert "SECRET_KEY_FILE cannot be read (No such file or directory)" in done.stderr


def test_sqlite_waits_for_its_turn(tmp_path):
    """WAL, immediate transactions and a busy timeout, in a directory that can be chosen."""
    database = settings(tmp_path, LOG_ENVIRONMENT="dev")["DATABASES"]["default"]
    assert database["NAME"] == str(tmp_path / "var" / "db.sqlite3")
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "WAL" in database["OPTIONS"]["init_command"]
    assert "ATOMIC_REQUESTS" not in database or database["ATOMIC_REQUESTS"] is False


@pytest.mark.parametrize(
    ("url", "engine"),
    [
        ("postgresql://u:p@db.example:5432/circles", "django.db.backends.postgresql"),
        ("sqlite:////tmp/other.sqlite3", "django.db.backends.sqlite3"),
    ],
)
def test_another_database_is_one_variable_away(tmp_path, url, engine):
    """DATABASE_URL decides."""
    assert (
        settings(tmp_path, LOG_ENVIRONMENT="dev", DATABASE_URL=url)["DATABASES"]["default"]["ENGINE"]
        == engine
    )


def test_tasks_are_json_and_never_eager(tmp_path):
    """The filesystem broker has its folders; nothing but JSON is accepted."""
    made = settings(tmp_path, LOG_ENVIRONMENT="dev")
    assert made["CELERY_ACCEPT_CONTENT"] == ["json"]
    assert made["CELERY_TASK_ALWAYS_EAGER"] is False
    folders = [made["CELERY_BROKER_TRANSPORT_OPTIONS"][name] for name in ("data_folder_in", "control_folder")]
    assert all(Path(folder).is_dir() for folder in folders)


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    """VAR_DIR below a file: one fault with its path, not a traceback of mkdir."""
    (tmp_path / "file").write_text("")
    done = start(tmp_path, {"LOG_ENVIRONMENT": "dev", "VAR_DIR": str(tmp_path / "file" / "var")})
    assert f"VAR_DIR is {str(tmp_path / 'file' / 'var')!r}" in done.stderr


@pytest.mark.parametrize("secret", ["plain", "file"])
def test_each_variable_has_its_effect(tmp_path, secret):
    """What is given is what Django, Celery and the apps get."""
    (tmp_path / "mail-key").write_text("hush-of-the-mail-server\n")
    password = {
        "plain": {"EMAIL_HOST_PASSWORD": "hush-of-the-mail-server"},
        "file": {"EMAIL_HOST_PASSWORD_FILE": str(tmp_path / "mail-key")},
    }
    given = {
        "CSRF_TRUSTED_ORIGINS": "https://app.example",
        "HSTS_SECONDS": "77",
        "HSTS_SUBDOMAINS": "off",
        "TRUST_FORWARDED_PROTO": "on",
        "MEMBER_RATE": "7/m",
        "ADDRESS_RATE": "3/m",
        "CACHE_URL": "redis://cache.example/0",
        "CELERY_BROKER_URL": "redis://broker.example/1",
        "EMAIL_HOST": "mail.example",
        "EMAIL_PORT": "2525",
        "EMAIL_USE_TLS": "off",
        "EMAIL_HOST_USER": "circles",
        "DEFAULT_FROM_EMAIL": "post@circles.example",
        "PUSH_GATEWAY_URL": "http://push.example/",
        "PUSH_ATTEMPTS": "3",
        "PUSH_TIMEOUT_S": "1.5",
        "PUSH_BACKOFF_S": "0.5",
        "PUSH_BACKOFF_MAX_S": "9",
        "DEBUG": "on",
        "DEBUG_ROUTES": "on",
    }
    made = settings(tmp_path, **GOOD | {"LOG_ENVIRONMENT": "dev"} | given | password[secret])
    assert made["CSRF_TRUSTED_ORIGINS"] == ["https://app.example"]
    assert (made["SECURE_HSTS_SECONDS"], made["SECURE_HSTS_INCLUDE_SUBDOMAINS"]) == (77, False)
    assert made["SECURE_PROXY_SSL_HEADER"] == ["HTTP_X_FORWARDED_PROTO", "https"]
    assert (made["MEMBER_RATE"], made["ADDRESS_RATE"]) == ("7/m", "3/m")
    assert made["CACHES"]["default"]["LOCATION"] == "redis://cache.example/0"
    assert made["CELERY_BROKER_URL"] == "redis://broker.example/1"
    assert "CELERY_BROKER_TRANSPORT" not in made
    assert mail_server(made) == {
        "backend": "django.core.mail.backends.smtp.EmailBackend",
        "host": "mail.example",
        "port": 2525,
        "use_tls": False,
        "username": "circles",
        "password": "hush-of-the-mail-server",
        "timeout": 10,
    }
    assert made["DEFAULT_FROM_EMAIL"] == "post@circles.example"
    assert made["PUSH_GATEWAY_URL"] == "http://push.example"
    names = ("PUSH_ATTEMPTS", "PUSH_TIMEOUT_S", "PUSH_BACKOFF_S", "PUSH_BACKOFF_MAX_S")
    assert [made[name] for name in names] == [3, 1.5, 0.5, 9]
    assert (made["DEBUG"], made["DEBUG_ROUTES"]) == (True, True)


def mail_server(made):
    """What Django's mail is told: by MAILERS since Django 6.1, before that by a setting for each."""
    if "MAILERS" in made:
        mailer = made["MAILERS"]["default"]
        return {"backend": mailer["BACKEND"], **mailer["OPTIONS"]}
    names = {"username": "HOST_USER", "password": "HOST_PASSWORD"}
    told = ("backend", "host", "port", "use_tls", "username", "password", "timeout")
    return {name: made["EMAIL_" + names.get(name, name.upper())] for name in told}


def test_gunicorn_is_told(tmp_path):
    """WEB_BIND, WEB_CONCURRENCY, WEB_THREADS."""
    show = "from mysite import gunicorn as g; print(g.bind, g.workers, g.threads)"
    environ = {"WEB_BIND": "127.0.0.1:8123", "WEB_CONCURRENCY": "3", "WEB_THREADS": "5"}
    done = subprocess.run(
        [sys.executable, "-c", show],
        env={"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), "LOG_ENVIRONMENT": "dev", **environ},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "127.0.0.1:8123 3 5"


def test_every_scheduled_task_exists():
    """Beat sends names; a worker that does not know one would drop it. The audit trail's chores are among them."""
    app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert scheduled <= set(app.tasks)
    assert {"logkit.audit.seal", "logkit.audit.expire", "logkit.audit.reconcile"} <= scheduled


def test_the_database_can_come_from_a_file(tmp_path: Path) -> None:
    """As every secret can; a file that is not there stops the start."""
    file = tmp_path / "url"
    file.write_text("postgresql://circles:pw-of-a-file@db/circles\n")
    started = start(tmp_path, {**GOOD, "DATABASE_URL_FILE": str(file)})
    assert json.loads(started.stdout)["DATABASES"]["default"]["PASSWORD"] == "pw-of-a-file"
    refused = start(tmp_path, {**GOOD, "DATABASE_URL_FILE": str(tmp_path / "none")})
    assert refused.returncode != 0
    assert "DATABASE_URL_FILE cannot be read" in refused.stderr
