"""The project's settings in a directory of their own, which goes when the run is over."""

import atexit
import os
import shutil
import tempfile

_OWNER = os.getpid()
_VAR_DIR = tempfile.mkdtemp(prefix="mysite-tests-")


def _remove() -> None:
    if os.getpid() == _OWNER:
        shutil.rmtree(_VAR_DIR, ignore_errors=True)


atexit.register(_remove)
for _name in [name for name in os.environ if name.startswith(("LOG_", "AUDIT"))]:
    del os.environ[_name]  # the tests decide, not the shell they are started from
os.environ |= {
    "LOG_ENVIRONMENT": "test",
    "LOG_STDOUT": "off",
    "VAR_DIR": _VAR_DIR,
    "AUDIT_DIR": f"{_VAR_DIR}/audit",
    "AUDIT_SPOOL_DIR": f"{_VAR_DIR}/audit-spool",
    "AUDIT_KEY_DIR": f"{_VAR_DIR}/audit-keys",
}

from mysite.settings import *  # noqa: E402, F403

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # noqa: F405
    # A file, as in production: threads of one test share it, and wait for one another as they do there.
    DATABASES["default"]["TEST"] = {"NAME": f"{_VAR_DIR}/test.sqlite3"}  # noqa: F405
    DATABASES["default"]["OPTIONS"]["init_command"] += ";PRAGMA synchronous=OFF"  # noqa: F405
