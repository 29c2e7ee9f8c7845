"""Break the audit trail in five ways and watch what the system says about each: `make demo-break`.

Everything happens in a temporary directory, with the real ledger and the real commands. Exits 0 only when every break
was named for what it is, and no crash was called an attack.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from logkit.audit.files.checkpoints import parse_checkpoint, read_checkpoints, sign
from logkit.audit.files.segments import list_segments
from logkit.audit.seal.keys import read_key
from logkit.terminal import BOLD, CYAN, DIM, GREEN, RED, paint

COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

PEOPLE = """
import logkit
from logkit import audit

logkit.configure()
for number in range(60):
    actor = audit.Actor.user(number % 5, auth_method="password", mfa=False, session_ref="h1:k1:" + "0" * 32)
    audit.emit("auth.login.succeeded", actor=actor)
"""

EXPORT = """
import os, signal
import logkit
from logkit import audit

logkit.configure()
with audit.action(
    "data.export.requested",
    actor=audit.Actor.user(7),
    target=audit.Target("circle", 3),
    detail={"scope": "circle", "format": "zip", "legal_basis": "consent"},
):
    os.kill(os.getpid(), signal.SIGKILL)  # half of the export is written
"""


class Stage:
    """One trail in a directory of its own, and the commands as a person types them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("LOG_", "AUDIT_"))},
            "LOG_ENVIRONMENT": "dev",
            "LOG_STDOUT": "off",
            "AUDIT_DIR": str(root / "audit"),
            "AUDIT_SPOOL_DIR": str(root / "spool"),
            "AUDIT_KEY_DIR": str(root / "keys"),
            "FORCE_COLOR": "1" if COLOUR else "0",
        }

    @property
    def security(self) -> Path:
        return self.root / "audit/security"

    def python(self, program: str, **limits: int) -> subprocess.CompletedProcess[str]:
        def limit() -> None:
            if "file_size" in limits:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (limits["file_size"], limits["file_size"]))

        command = [sys.executable, "-c", program]
        return subprocess.run(
            command, env=self.environ, capture_output=True, text=True, check=False, preexec_fn=limit
        )

    def logkit(self, *words: str, shows: bool = True) -> tuple[int, str]:
        """Run `logkit audit ...`; exit code and what it said."""
        done = subprocess.run(
            [sys.executable, "-m", "logkit", "audit", *words],
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        said = done.stdout + done.stderr
        if shows:
            sys.stdout.write(paint(f"  $ logkit audit {' '.join(words)}\n", CYAN, COLOUR))
            sys.stdout.write(textwrap.indent(said.rstrip(), "  | ", lambda line: True) + "\n")
            sys.stdout.write(paint(f"  exit {done.returncode}\n", DIM, COLOUR))
        return done.returncode, said

    def fill(self) -> None:
        """Sixty logins, sealed, and the first keys pinned."""
        done = self.python(PEOPLE)
        if done.returncode:
            raise SystemExit(done.stderr)
        self.logkit("seal", shows=False)
        self.logkit("keys", "init", shows=False)


class Verdicts:
    """Was every break named rightly?"""

    def __init__(self) -> None:
        self.wrong = 0

    def expect(self, what: str, is_right: bool) -> None:
        word = (
            paint("NAMED RIGHTLY", GREEN + BOLD, COLOUR) if is_right else paint("WRONG", RED + BOLD, COLOUR)
        )
        sys.stdout.write(f"  {word}  {what}\n")
        self.wrong += not is_right


def title(text: str, explained: str) -> None:
    sys.stdout.write(f"\n{paint(text, BOLD, COLOUR)}\n")
    sys.stdout.write(textwrap.indent(textwrap.fill(explained, 96), "  ") + "\n")


@contextmanager
def stage() -> Iterator[Stage]:
    root = Path(tempfile.mkdtemp(prefix="demo-break-"))
    try:
        made = Stage(root)
        made.fill()
        yield made
    finally:
        shutil.rmtree(root)


def killed_export(verdicts: Verdicts) -> None:
    title(
        "1. kill -9 in the middle of an export",
        "The intent was on the disk before the export began, so the trail knows of it although the process is gone.",
    )
    with stage() as made:
        done = made.python(EXPORT)
        verdicts.expect("the process was killed", done.returncode == -signal.SIGKILL)
        _, said = made.logkit("timeline", "--event", "data.export.*")
        verdicts.expect("the trail knows what was intended", "intends" in said)
        made.logkit("reconcile", "--older-than", "0.01s")
        _, said = made.logkit("search", "--event", "data.export.*", "--outcome", "unknown", shows=False)
        verdicts.expect("its outcome is settled as unknown", "unknown" in said)
        code, said = made.logkit("verify")
        verdicts.expect("a crash is no attack", code == 0 and "TAMPERED" not in said)


def full_disk(verdicts: Verdicts) -> None:
    title(
        "2. a full disk",
        "Hardly any file may grow, as on a full disk: the ledger cannot take the line, so the spool does, until"
        " there is room again.",
    )
    with stage() as made:
        size = list_segments(made.security)[0].path.stat().st_size
        done = made.python(PEOPLE, file_size=size + 4_000)
        waiting = sum(path.read_bytes().count(b"\n") for path in (made.root / "spool").rglob("*.jsonl"))
        sys.stdout.write(f"  60 more logins: {waiting} of them wait in the spool\n")
        verdicts.expect("every login was accepted", done.returncode == 0)
        verdicts.expect("what the ledger could not take waits in the spool", 0 < waiting < 60)
        made.logkit("seal")
        code, said = made.logkit("verify", "--stream", "security")
        verdicts.expect("with room again all 120 are in the trail, once", code == 0 and "120 records" in said)


def flipped_byte(verdicts: Verdicts) -> None:
    title("3. a flipped byte", "Somebody edits one character of line 23 with an editor.")
    with stage() as made:
        segment = list_segments(made.security)[0]
        lines = segment.path.read_bytes().splitlines(keepends=True)
        lines[22] = lines[22].replace(b'"success"', b'"succesS"')
        segment.path.write_bytes(b"".join(lines))
        code, said = made.logkit("verify", "--stream", "security")
        verdicts.expect("ALTERED, line 23", code == 1 and "ALTERED" in said and "line 23\n" in said)


def cut_tail(verdicts: Verdicts) -> None:
    title("4. a cut tail", "Somebody removes the last five lines, as if they had never been written.")
    with stage() as made:
        segment = list_segments(made.security)[-1]
        lines = segment.path.read_bytes().splitlines(keepends=True)
        segment.path.write_bytes(b"".join(lines[:-5]))
        code, said = made.logkit("verify", "--stream", "security")
        named = "TRUNCATED" in said and "lines 56 to 60" in said
        verdicts.expect("TRUNCATED, lines 56 to 60", code == 1 and named)


def forged_checkpoint(verdicts: Verdicts) -> None:
    title(
        "5. a forged checkpoint",
        "Somebody who stole the current key signs the first checkpoint anew, over other contents. The key of that epoch"
        " was erased when it had been used, so it cannot be done.",
    )
    with stage() as made:
        key = read_key(made.root / "keys/security.key")
        assert key is not None
        lines = list(read_checkpoints(made.security))
        forged = replace(
            parse_checkpoint(lines[0]), root=bytes(32), pk=key.key.public_key().public_bytes_raw()
        )
        lines[0] = sign(forged, key.key)
        (made.security / "checkpoints.jsonl").write_bytes(b"".join(lines))
        code, said = made.logkit("verify", "--stream", "security")
        verdicts.expect("KEY-CHAIN-BREAK, not the pinned key", code == 1 and "KEY-CHAIN-BREAK" in said)


def main() -> int:
    verdicts = Verdicts()
    sys.stdout.write(paint("An audit trail is broken in five ways.\n", BOLD, COLOUR))
    for act in (killed_export, full_disk, flipped_byte, cut_tail, forged_checkpoint):
        act(verdicts)
    word = (
        "Every break was named for what it is."
        if not verdicts.wrong
        else f"{verdicts.wrong} were named wrongly."
    )
    sys.stdout.write(f"\n{paint(word, (RED if verdicts.wrong else GREEN) + BOLD, COLOUR)}\n")
    return 1 if verdicts.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
