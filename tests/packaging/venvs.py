"""Environments of their own, without the network: what a distribution needs is linked from the tests' own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

from tests.program import PROJECT


def build_wheel(directory: Path) -> Path:
    """logkit's wheel, built from the files of this repository."""
    source = directory / "source"
    source.mkdir()
    for name in ("logkit", "pyproject.toml", "README.md", "LICENSE"):
        path = PROJECT / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, source)
    command = [sys.executable, "-m", "pip", "wheel", "--no-index", "--no-deps", "--no-build-isolation"]
    run(*command, "--wheel-dir", str(directory), str(source), cwd=directory)
    (wheel,) = directory.glob("logkit-*.whl")
    return wheel


def make_environment(directory: Path, wheel: Path, *extras: str) -> Path:
    """A virtual environment with logkit from its wheel and what it requires; the directory of its programs."""
    venv.create(directory, with_pip=False, symlinks=True)
    python = directory / "bin" / "python"
    (packages,) = directory.glob("lib/python*/site-packages")
    for name in sorted(_closure("logkit", frozenset(extras)) - {"logkit"}):
        _link(distribution(name), packages)
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-index", "--no-deps"]
    run(*pip, str(wheel), cwd=directory)
    return directory / "bin"


def run(*command: str, cwd: Path, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program outside of this repository; it has to succeed."""
    done = subprocess.run(
        command, cwd=cwd, env=clean_environ(environ), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done


def clean_environ(environ: dict[str, str] | None = None) -> dict[str, str]:
    """The environment of somebody who has never heard of us."""
    ours = ("LOG_", "AUDIT", "LOGKIT", "DJANGO_", "PYTHONPATH", "VIRTUAL_ENV", "PYTEST", "PIP_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | (environ or {})


def _closure(name: str, extras: frozenset[str]) -> set[str]:
    """The names of a distribution and of all that it needs."""
    found: set[str] = set()
    waiting = [(name, extras)]
    while waiting:
        name, extras = waiting.pop()
        name = re.sub(r"[-_.]+", "-", name).lower()
        if name in found and not extras:
            continue
        try:
            requires = distribution(name).requires or []
        except PackageNotFoundError:
            continue  # for another platform
        found.add(name)
        for text in requires:
            need = Requirement(text)
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in extras or {""}):
                waiting.append((need.name, frozenset(need.extras)))
    return found


def _link(dist: Distribution, packages: Path) -> None:
    """Make a distribution visible in another environment: its packages, its modules, its metadata, its programs."""
    for file in dist.files or ():
        top = file.parts[0]
        if top == "..":
            if file.parts[-2] == "bin":
                _link_program(Path(str(dist.locate_file(file))), packages.parents[2] / "bin")
            continue
        if top != "__pycache__" and not (packages / top).exists():
            (packages / top).symlink_to(str(dist.locate_file(top)))


def _link_program(program: Path, directory: Path) -> None:
    """A console script, run by the Python of the other environment."""
    lines = program.read_bytes().split(b"\n", 1)
    if lines[0].startswith(b"#!") and b"python" in lines[0]:
        made = directory / program.name
        made.write_bytes(b"#!" + str(directory / "python").encode() + b"\n" + lines[1])
        made.chmod(0o755)
