"""The guide on adding logkit to a project, done as it says, in a copy of examples/plain_project."""

import json
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.venvs import build_wheel, clean_environ, make_environment, run
from tests.ports import free_port
from tests.program import PROJECT
from tests.schema import check_line

pytestmark = pytest.mark.packaging

_GUIDE = PROJECT / "docs/guides/adopting.md"
_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_WITHIN = 60.0  # seconds


def test_the_plain_project_knows_nothing_of_us() -> None:
    """Or the five steps would prove nothing."""
    files = [*(PROJECT / "examples/plain_project").rglob("*.py")]
    assert len(files) > 5
    assert [path.name for path in files if "logkit" in path.read_text()] == []


def test_five_steps(tmp_path: Path) -> None:
    """Afterwards web and worker print JSON only, and a task's lines have the id of the request that sent it."""
    steps = _steps()
    assert len(steps) == 5
    project = tmp_path / "project"
    shutil.copytree(
        PROJECT / "examples/plain_project", project, ignore=shutil.ignore_patterns("var", "__pycache__")
    )
    assert steps[0] == [("sh", None, 'pip install "logkit[django,celery]"\n')]
    programs = make_environment(tmp_path / "venv", build_wheel(tmp_path), "django", "celery")
    for language, title, text in steps[1] + steps[2]:
        assert (language, title is not None) == ("python", True)
        with (project / str(title)).open("a") as file:
            file.write("\n" + text)
    ((_, _, exports),) = steps[3]
    environ = _exported(exports, programs, project)
    ((_, _, commands),) = steps[4]
    script = f'set -e\nexport PATH="{programs}:$PATH"\n{commands}'
    run("bash", "-c", script, cwd=project, environ=environ)
    port = free_port()
    python, celery = str(programs / "python"), str(programs / "celery")
    with (
        _program(
            [python, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"], project, environ
        ) as web,
        _program([celery, "-A", "shop", "worker", "--pool", "solo"], project, environ) as worker,
    ):
        _wait(lambda: _post(port, "adopted-0001"))
        _wait(lambda: _find(worker, "task.succeeded"))
        _wait(lambda: _find(web, "request.finished"))
        asked, done = _find(web, "request.finished"), _find(worker, "task.succeeded")
        packed = _find(worker, "Packing order 7")
    assert (asked[0]["context"]["status"], asked[0]["context"]["route"]) == (202, "orders/{order_id}")
    for line in (*asked, *_find(web, "Order 7 was placed"), *done, *packed):
        assert line["context"]["request_id"] == "adopted-0001", line
        assert line["service"] == {"name": "shop", "environment": "production"}
    for line in [*_lines(web), *_lines(worker)]:
        check_line(line)


def _steps() -> list[list[tuple[str, str | None, str]]]:
    """The blocks of code of each numbered section."""
    parts = re.split(r"^## (?=\d\. )", _GUIDE.read_text(), flags=re.MULTILINE)[1:]
    parts[-1] = parts[-1].split("\n## ")[0]
    blocks = [_BLOCK.findall(part) for part in parts]
    return [
        [(language, title or None, text) for language, title, text in found if language != "console"]
        for found in blocks
    ]


def _exported(exports: str, programs: Path, project: Path) -> dict[str, str]:
    script = f'export PATH="{programs}:$PATH"\n{exports}\nenv -0'
    told = run("bash", "-c", script, cwd=project).stdout.split("\0")
    return {
        name: value for name, _, value in (line.partition("=") for line in told) if name.startswith("LOG_")
    }


@contextmanager
def _program(argv: list[str], cwd: Path, environ: dict[str, str]) -> Iterator[Path]:
    """A program whose standard output is a file; standard error stays empty."""
    out, err = cwd / f"{Path(argv[0]).name}-{argv[1]}.out", cwd / f"{Path(argv[0]).name}-{argv[1]}.err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(argv, cwd=cwd, env=clean_environ(environ), stdout=stdout, stderr=stderr)
    try:
        yield out
        assert process.poll() is None, err.read_text()
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    assert err.read_text() == ""


def _post(port: int, request_id: str) -> bool:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/orders/7", method="POST", headers={"X-Request-ID": request_id}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return bool(answer.status == 202)
    except OSError:
        return False


def _wait(condition: Any) -> None:
    deadline = time.monotonic() + _WITHIN
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _lines(path: Path) -> list[dict[str, Any]]:
    """Every whole line so far; anything but JSON fails here, except how runserver greets before the first line."""
    lines = path.read_bytes().split(b"\n")[:-1]
    greeting = takewhile(lambda line: not line.startswith(b"{"), lines) if "manage" in path.name else ()
    return [json.loads(line) for line in lines[len([*greeting]) :]]


def _find(path: Path, message: str) -> list[dict[str, Any]]:
    return [line for line in _lines(path) if line["message"] == message]
