"""logkit without the service, and without what it does not need."""

import json
from pathlib import Path

import pytest

from tests.packaging.venvs import build_wheel, make_environment, run

pytestmark = pytest.mark.packaging
_PROGRAM = """
import sys
import logkit
from logkit import audit
from loguru import logger

logkit.configure({"LOG_ENVIRONMENT": "test", "AUDIT_DIR": "audit", "AUDIT_KEY_DIR": "keys", "AUDIT_SPOOL_DIR": "spool"})
for name in logkit.__all__:
    getattr(logkit, name)
with logkit.bound_context(password="planted-secret"):
    loaded = {"django", "celery", "httpx", "opentelemetry", "mysite"} & set(sys.modules)
    logger.bind(loaded=sorted(loaded)).info("line.sent")
receipt = audit.emit(
    "auth.login.failed",
    outcome="failure",
    reason="bad_password",
    actor=audit.Actor.anonymous(auth_method="password"),
    detail={"identifier_ref": "h1:k1:" + "0" * 32},
)
logger.bind(state=receipt.state).info("event.sent")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


def test_the_wheel_works_with_its_own_requirements_only(wheel: Path, tmp_path: Path) -> None:
    """Loguru, orjson and cryptography: lines, redaction, the trail and the command line; no app of the service."""
    programs = make_environment(tmp_path / "venv", wheel)
    python = str(programs / "python")
    absent = "import importlib.util as u; print([n for n in {} if u.find_spec(n)])"
    names = ["django", "celery", "httpx", "opentelemetry", "mysite", "users", "messaging", "keeps", "tests"]
    assert run(python, "-c", absent.format(names), cwd=tmp_path).stdout.strip() == "[]"
    lines = [json.loads(line) for line in run(python, "-c", _PROGRAM, cwd=tmp_path).stdout.splitlines()]
    said = {line["message"]: line["context"] for line in lines}
    assert said["line.sent"] == {"password": "[REDACTED]", "loaded": []}
    assert said["event.sent"] == {"state": "written"}
    environ = {"LOG_ENVIRONMENT": "test", **{f"AUDIT_{n}_DIR": n.lower() for n in ("KEY", "SPOOL")}}
    verified = run(
        str(programs / "logkit"), "audit", "verify", "--dir", "audit", cwd=tmp_path, environ=environ
    )
    assert "security" in verified.stdout
    assert "tail" in run(str(programs / "logkit"), "--help", cwd=tmp_path).stdout


def test_the_wheel_holds_logkit_and_nothing_else(wheel: Path) -> None:
    """Typed, with its licence, without the service, the tests or a cache."""
    import zipfile

    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"logkit"}
    assert {"logkit/py.typed", "logkit/otlp/writer.py"} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if "__pycache__" in name]
