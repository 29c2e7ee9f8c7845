"""`python -m mysite.demo`: start, tell the story, stop, check, and show. Exits 0 only if every promise held."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from mysite.demo import report
from mysite.demo.checks import Evidence, Verdict, check
from mysite.demo.client import StepFailed
from mysite.demo.story import Story
from mysite.processes import PROJECT, Process, ProcessFailed, Service, manage, plan, running


def main() -> int:
    """Returns the exit code."""
    directory = PROJECT / "var" / "demo"
    report.heading("The story")
    try:
        service, story, evidence = perform(directory)
    except (ProcessFailed, StepFailed) as error:
        print(f"make demo: {error}\nwhat the processes wrote is in {directory / 'logs'}", file=sys.stderr)
        return 1
    verdicts = check(evidence)
    verified, words = _verify(service)
    verdicts.insert(-1, Verdict("the audit trail verifies", verified, "logkit audit verify exits 0"))
    report.show(service, story, list(evidence.logs.values()), directory / "audit", words, verdicts)
    return 0 if all(verdict.holds for verdict in verdicts) else 1


def perform(directory: Path) -> tuple[Service, Story, Evidence]:
    """Run the service in `directory`, which is emptied first, tell the story, and collect what was left behind.

    Raises `ProcessFailed` when a program does not start, `StepFailed` when it answers otherwise than expected.
    """
    shutil.rmtree(directory, ignore_errors=True)
    service = plan(directory / "logs", _environ(directory))
    manage("migrate", "--no-input", environ=service.environ)
    story, processes = _tell(service)
    exit_codes = {process.name: process.exit_code for process in processes}
    logs = {process.name: process.stdout for process in processes}
    evidence = Evidence(directory, logs, story.calls, story.secrets, exit_codes, story.recorded, story.people)
    return service, story, evidence


def _environ(directory: Path) -> dict[str, str]:
    """A development environment of its own, whatever the shell has."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LOG_", "AUDIT"))}
    return kept | {
        "LOG_ENVIRONMENT": "dev",
        "LOG_LEVEL": "DEBUG",
        "LOG_FORMAT": "json",
        "VAR_DIR": str(directory),
        "DEBUG_ROUTES": "on",
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
    }


def _tell(service: Service) -> tuple[Story, list[Process]]:
    story = Story(service.web, service.gateway, Path(service.environ["VAR_DIR"]) / "mail")
    with running(service) as processes:
        try:
            story.tell()
        finally:
            for step in story.told:
                print(f"  {step}")
    return story, processes


def _verify(service: Service) -> tuple[bool, str]:
    """What the verifier says, and whether it is content."""
    done = subprocess.run(
        [sys.executable, "-m", "logkit", "audit", "verify"],
        cwd=PROJECT,
        env=report.audit_environ(service.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode == 0, (done.stdout + done.stderr).rstrip()


if __name__ == "__main__":
    sys.exit(main())
