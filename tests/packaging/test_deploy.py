"""deploy/: both container files by schema and by reading, both servers' configuration by running it."""

import json
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from dockerfile_parse import DockerfileParser

from tests.collector import collector
from tests.packaging.test_adopting import _steps as steps
from tests.packaging.venvs import clean_environ
from tests.ports import free_port
from tests.program import PROJECT, program_environ
from tests.schema import check_line

pytestmark = pytest.mark.packaging

DEPLOY = PROJECT / "deploy"
_SECRET = re.compile(r"(SECRET|PASSWORD|TOKEN|_KEY|DATABASE_URL)", re.IGNORECASE)
_OURS = ("setup", "web", "worker", "beat")
_CHECK = """
import sys
from django.core.management import execute_from_command_line

execute_from_command_line(["manage.py", "check"])
ours = {name for name in sys.modules if name in ("logkit", "mysite", "users", "messaging", "keeps")}
assert len(ours) == 5, ours
assert [name for name in ours if not sys.modules[name].__file__.startswith(sys.argv[1])] == []
"""


@pytest.fixture(scope="module")
def instructions(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    parser = DockerfileParser(path=str(tmp_path_factory.mktemp("dockerfile")))
    parser.content = (DEPLOY / "Dockerfile").read_text()
    return [entry for entry in parser.structure if entry["instruction"] != "COMMENT"]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return loaded


def values(instructions: list[dict[str, Any]], name: str) -> list[str]:
    return [entry["value"] for entry in instructions if entry["instruction"] == name]


def test_compose_holds_the_published_schema(tmp_path: Path) -> None:
    """The Compose specification's own; a misspelt member fails."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    checked = subprocess.run(
        [*command, str(DEPLOY / "compose.yaml")], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout
    spoilt = tmp_path / "compose.yaml"
    spoilt.write_text((DEPLOY / "compose.yaml").read_text().replace("read_only:", "readonly:"))
    assert subprocess.run([*command, str(spoilt)], capture_output=True, check=False).returncode != 0


def test_who_runs_as_whom_and_what_is_writable(compose: dict[str, Any]) -> None:
    """No root, no capabilities, a read-only root; the audit volume apart, with a group of its own."""
    for name in _OURS:
        service = compose["services"][name]
        assert service["user"] == "10001:10001"
        assert service["group_add"] == ["10002"]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert "no-new-privileges:true" in service["security_opt"]
        places = dict(volume.split(":") for volume in service["volumes"])
        assert {place for volume, place in places.items() if volume.startswith("audit")} == {
            "/srv/audit",
            "/srv/audit-spool",
            "/srv/audit-keys",
        }
    assert compose["volumes"].keys() >= {"audit", "audit-spool", "audit-keys", "db", "redis", "var"}


def test_everything_says_how_it_is_and_ends_gracefully(compose: dict[str, Any]) -> None:
    """A health check and a time to end in; what depends on another waits until it is healthy."""
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    for name, service in compose["services"].items():
        if name == "setup":
            continue
        assert "healthcheck" in service or (name == "web" and "HEALTHCHECK" in dockerfile), name
        assert "stop_grace_period" in service, name
    for name in ("web", "worker", "beat"):
        depends = compose["services"][name]["depends_on"]
        assert {on: how["condition"] for on, how in depends.items()} == {
            "db": "service_healthy",
            "redis": "service_healthy",
            "setup": "service_completed_successfully",
        }


def test_secrets_are_files(compose: dict[str, Any]) -> None:
    """No variable holds one; the files are in no repository."""
    for name, service in compose["services"].items():
        for variable, value in service.get("environment", {}).items():
            if _SECRET.search(variable):
                assert variable.endswith("_FILE"), f"{name}: {variable}"
                assert value.removeprefix("/run/secrets/") in service["secrets"]
    assert all(secret["file"].startswith("secrets/") for secret in compose["secrets"].values())
    assert "deploy/secrets/" in (PROJECT / ".gitignore").read_text().splitlines()


def test_the_image_has_stages_and_no_root(instructions: list[dict[str, Any]]) -> None:
    """The last stage has neither compiler nor lock file, runs as a number, and says when it is healthy."""
    froms = values(instructions, "FROM")
    assert len(froms) == 2
    assert all(re.match(r"python:\S+-slim AS \w+$", base) for base in froms)
    last = instructions[max(i for i, entry in enumerate(instructions) if entry["instruction"] == "FROM") :]
    assert values(last, "USER") == ["10001:10001"]
    assert [entry["instruction"] for entry in last].index("USER") < [e["instruction"] for e in last].index(
        "CMD"
    )
    assert len(values(last, "HEALTHCHECK")) == 1
    assert json.loads(values(last, "CMD")[0])[0] == "gunicorn"
    assert any("--require-hashes" in run for run in values(instructions, "RUN"))
    assert not values(instructions, "ADD")
    for text in (*values(instructions, "ENV"), *values(instructions, "ARG")):
        names = re.findall(r"(\w+)=", text) or [text]
        assert not [n for n in names if _SECRET.search(n) and n != "AUDIT_KEY_DIR"]
    assert any("-g audit -m 2750 /srv/audit" in run for run in values(last, "RUN"))


def test_the_service_starts_from_what_the_image_takes(
    instructions: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Nothing that it needs is left out, and nothing that it takes is kept out of the build."""
    app = tmp_path / "app"
    app.mkdir()
    kept = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    for copy in values(instructions, "COPY"):
        if copy.startswith("--from"):
            continue
        source, target = copy.split()
        assert f"!{source}" in kept
        if not target.startswith("/build"):
            into = app / (source if target == "./" else target)
            into.parent.mkdir(exist_ok=True)
            (shutil.copytree if (PROJECT / source).is_dir() else shutil.copy)(PROJECT / source, into)
    environ = {"PYTHONPATH": str(app), "VAR_DIR": str(tmp_path / "var"), "LOG_ENVIRONMENT": "dev"}
    environ |= {f"AUDIT_{name}DIR": str(tmp_path / f"audit{name}") for name in ("", "SPOOL_", "KEY_")}
    done = subprocess.run(
        [sys.executable, "-c", _CHECK, str(app)],
        cwd=app,
        env=program_environ() | environ | {"DJANGO_SETTINGS_MODULE": "mysite.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("server", ["gunicorn", "uvicorn"])
def test_a_server_logs_our_lines_and_nothing_else(server: str, tmp_path: Path) -> None:
    """From its first line to its last, on stdout only; it ends at SIGTERM; the health check knows it."""
    project = _adopted(tmp_path)
    port = free_port()
    commands = {
        "gunicorn": ["-m", "gunicorn", "--config", str(DEPLOY / "gunicorn.py"), "shop.wsgi"],
        "uvicorn": [str(DEPLOY / "serve_uvicorn.py"), "shop.asgi:application"],
    }
    environ = {
        "LOG_ENVIRONMENT": "dev",
        "LOG_FORMAT": "json",
        "LOG_SERVICE": "shop",
        "PYTHONPATH": str(PROJECT),
    }
    environ |= {"WEB_BIND": f"127.0.0.1:{port}", "WEB_CONCURRENCY": "2"}
    with _running([sys.executable, *commands[server]], project, environ) as (process, out, err):
        _wait_until_healthy(environ)
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/orders/7", method="POST", headers={"X-Request-ID": "deployed-1"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert answer.status == 202
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in (0, -signal.SIGTERM)
    lines = [json.loads(line) for line in out.read_bytes().splitlines()]
    for line in lines:
        check_line(line)
    finished = [line for line in lines if line["message"] == "request.finished"]
    ours = [line for line in finished if line["context"]["request_id"] == "deployed-1"]
    assert [line["context"]["status"] for line in ours] == [202]
    assert len({line["process"]["id"] for line in lines}) >= 3  # the parent and both workers
    assert err.read_text() == ""


def _adopted(tmp_path: Path) -> Path:
    """The plain project with the settings and the import of the guide, and an ASGI application."""
    project = tmp_path / "project"
    shutil.copytree(
        PROJECT / "examples/plain_project", project, ignore=shutil.ignore_patterns("var", "__pycache__")
    )
    for _, title, text in steps()[1] + steps()[2]:
        with (project / str(title)).open("a") as file:
            file.write("\n" + text)
    wsgi = (project / "shop/wsgi.py").read_text()
    (project / "shop/asgi.py").write_text(wsgi.replace("wsgi", "asgi"))
    return project


@contextmanager
def _running(
    argv: list[str], cwd: Path, environ: dict[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], Path, Path]]:
    out, err = cwd / "stdout", cwd / "stderr"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            argv, cwd=cwd, env=clean_environ(environ), stdout=stdout, stderr=stderr, start_new_session=True
        )
    try:
        yield process, out, err
    except BaseException:
        print(out.read_text()[-3000:], err.read_text()[-3000:])
        raise
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _wait_until_healthy(environ: dict[str, str]) -> None:
    """Asks as the container does."""
    command = [sys.executable, str(DEPLOY / "healthcheck.py"), "web"]
    nobody = clean_environ({**environ, "WEB_BIND": "127.0.0.1:9"})
    assert subprocess.run(command, env=nobody, capture_output=True, check=False).returncode == 1
    deadline = time.monotonic() + 60
    while True:
        asked = subprocess.run(
            command, env=clean_environ(environ), capture_output=True, text=True, check=False
        )
        if asked.returncode == 0 or "HTTPError" in asked.stderr:  # the plain project has no /healthz
            return
        assert time.monotonic() < deadline, asked.stderr


def test_requests_are_as_fast_with_a_stalled_collector(tmp_path: Path) -> None:
    """LOG_OTLP=on: while the collector holds every batch, nobody who calls the service notices."""
    project, took = _adopted(tmp_path), {}
    environ = {
        "LOG_ENVIRONMENT": "dev",
        "LOG_FORMAT": "json",
        "PYTHONPATH": str(PROJECT),
        "WEB_CONCURRENCY": "1",
    }
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", str(DEPLOY / "gunicorn.py"), "shop.wsgi"]
    with collector() as there:
        environ |= {"LOG_OTLP": "on", "OTEL_EXPORTER_OTLP_ENDPOINT": there.url}
        for state in ("answers", "stalls"):
            port = free_port()
            environ["WEB_BIND"] = f"127.0.0.1:{port}"
            before = there.requests
            with _running(gunicorn, project, environ) as (process, _out, _err):
                _wait_until_healthy(environ)
                if state == "stalls":
                    there.released.clear()
                    there.wait_for_requests(before + 1)
                took[state] = [_answered_within(port) for _ in range(60)]
                there.released.set()
                process.terminate()
                assert process.wait(60) == 0
    stalled, answering = statistics.median(took["stalls"]), statistics.median(took["answers"])
    assert stalled < 3 * answering + 0.01, (stalled, answering)  # it would be 10 s


def _answered_within(port: int) -> float:
    begun = time.perf_counter()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/orders/7", data=b"", timeout=30) as answer:
        assert answer.status == 202
    return time.perf_counter() - begun
