"""The story of one family circle, told over HTTP from sign-up to log-out, with everything that can go wrong."""

from __future__ import annotations

import io
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_string, policy
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from mysite.demo.client import Call, Person, StepFailed
from mysite.demo.trail import Recorded, closed

_TASKS_WITHIN = 60.0  # seconds
_LINK = re.compile(r"#(fck_\S+)")
_END = f"\n{'-' * 79}\n"  # what Django writes behind a letter


@dataclass(slots=True)
class Story:
    """What happened, for those who check and tell it."""

    web: str
    gateway: str
    mail: Path  # where letters are left
    calls: list[Call] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    message_request: str = ""  # the request whose fan-out met a 503
    recorded: list[Recorded] = field(
        default_factory=list
    )  # what the audit trail has to hold, no more and no fewer
    people: dict[str, str] = field(default_factory=dict)  # names by user id

    def tell(self) -> None:
        """Every step in order. Raises `StepFailed` at the first answer that is not the expected one."""
        self._is_recorded(
            ("audit.log.started", "success"), ("audit.log.stopped", "success"), by="system", request_id=""
        )  # once each, by whichever process states the first event and whichever ends last
        with Person(self.web, self.calls) as anna, Person(self.web, self.calls) as ben:
            self._sign_up(anna, "anna")
            self._sign_up(ben, "ben")
            self._log_in(anna, "anna")
            self._log_in(ben, "ben")
            circle = self._circle(anna)
            self._invite(anna, ben, circle)
            self._message(anna, circle)
            keep = self._keep(ben, circle)
            self._share(ben, keep)
            self._export(anna, circle)
            self._go_wrong(ben, circle)
            for person, name in ((anna, "anna"), (ben, "ben")):
                person.delete("/api/session", 204)
                self._is_recorded(("auth.logout", "success"), by=name)
            self._say("both log out")

    def _say(self, step: str) -> None:
        self.told.append(step)

    def _is_recorded(self, *events: tuple[str, str], by: str, request_id: str | None = None) -> None:
        """The audit events, with their outcomes, that a request leaves behind: the last one when none is named."""
        cause = self.calls[-1].request_id if request_id is None else request_id
        self.recorded += [Recorded(event, outcome, by, cause) for event, outcome in events]

    def _plant(self, what: str, prefix: str) -> str:
        """A value that must be in no log, unlike anything else in them."""
        self.secrets[what] = f"{prefix} {secrets.token_hex(8)}"
        return self.secrets[what]

    def _sign_up(self, person: Person, name: str) -> None:
        person.get("/api/csrf")
        email = f"{name}-{secrets.token_hex(4)}@example.org"
        password = f"Horse-{secrets.token_urlsafe(12)}"
        self.secrets |= {f"{name}'s email": email, f"{name}'s password": password}
        body = {
            "email": email,
            "password": password,
            "display_name": self._plant(f"{name}'s name", name.title()),
        }
        person.post("/api/users", 202, json=body)
        self._is_recorded(("user.created", "success"), by="anonymous")
        token = self._letter_to(email)
        self.secrets[f"{name}'s confirmation"] = token
        person.post("/api/confirmations", 204, json={"token": token, "password": password})
        self._is_recorded(("user.updated", "success"), by="anonymous")
        self._say(f"{name} signs up and confirms the address with the token of a letter")

    def _letter_to(self, address: str) -> str:
        """The token that a letter to `address` carries."""
        tokens: list[str] = []

        def has_come() -> bool:
            for path in self.mail.glob("*"):
                text, end, _ = path.read_text().partition(_END)
                letter = message_from_string(text, policy=policy.default)
                if end and letter["To"] == address:
                    tokens.extend(_LINK.findall(letter.get_content()))
            return bool(tokens)

        _wait_for("the letter to come", has_come)
        return tokens[0]

    def _log_in(self, person: Person, name: str) -> None:
        person.get("/api/csrf")
        wrong = f"Wrong-{secrets.token_urlsafe(12)}"
        self.secrets[f"{name}'s mistyped password"] = wrong
        email = self.secrets[f"{name}'s email"]
        if name == "anna":
            person.post("/api/session", 401, json={"email": email, "password": wrong})
            self._is_recorded(("auth.login.failed", "failure"), by="anonymous")
            self._say(f"{name} mistypes her password: 401")
        credentials = {"email": email, "password": self.secrets[f"{name}'s password"]}
        self.people[person.post("/api/session", 200, json=credentials).json()["id"]] = name
        self._is_recorded(("auth.login.succeeded", "success"), by=name)
        self.secrets[f"{name}'s session"] = person.http.cookies["sessionid"]
        self._say(f"{name} logs in")

    def _circle(self, anna: Person) -> str:
        name = self._plant("circle name", "Kestrel Street")
        circle: str = anna.post("/api/circles", 201, json={"name": name}).json()["id"]
        self._is_recorded(("circle.created", "success"), ("circle.member.added", "success"), by="anna")
        return circle

    def _invite(self, anna: Person, ben: Person, circle: str) -> None:
        invitation = {"email": self.secrets["ben's email"], "role": "member"}
        token = anna.post(f"/api/circles/{circle}/invitations", 201, json=invitation).json()["token"]
        self._is_recorded(("circle.member.invited", "success"), by="anna")
        self.secrets["invitation token"] = token
        ben.post("/api/invitations/accept", 200, json={"token": token})
        self._is_recorded(("circle.member.added", "success"), by="ben")
        members = anna.get(f"/api/circles/{circle}/members").json()
        ben_id = next(member["user_id"] for member in members if member["role"] == "member")
        anna.patch(f"/api/circles/{circle}/members/{ben_id}", 200, json={"role": "admin"})
        self._is_recorded(*closed("authz.role.changed"), by="anna")
        self._say("anna invites ben, he accepts, she makes him an admin")

    def _message(self, anna: Person, circle: str) -> None:
        httpx.put(f"{self.gateway}/control", json={"fail_next": 1}, timeout=5).raise_for_status()
        body = self._plant("message body", "See you on Sunday, the door code is")
        message = anna.post(f"/api/circles/{circle}/messages", 201, json={"body": body}).json()["id"]
        self.message_request = self.calls[-1].request_id
        _wait_for("the push to arrive", lambda: "accepted" in _pushes(self.gateway))
        anna.get(f"/api/circles/{circle}/messages/{message}")
        self._say("anna writes; the push gateway answers 503 once, the task retries and succeeds")

    def _keep(self, ben: Person, circle: str) -> str:
        files = {"file": ("cake.jpg", _picture(self._plant("EXIF text", "Canon")), "image/jpeg")}
        data = {"caption": self._plant("caption", "Grandma's cake")}
        keep: str = ben.post(f"/api/circles/{circle}/keeps", 201, data=data, files=files).json()["id"]
        self._is_recorded(("file.uploaded", "success"), by="ben")
        _wait_for(
            "the keep to be ready", lambda: bool(ben.get(f"/api/keeps/{keep}").json()["state"] == "ready")
        )
        picture = ben.get(f"/api/keeps/{keep}/media").content
        self._is_recorded(("file.downloaded", "success"), by="ben")
        if self.secrets["EXIF text"].encode() in picture:
            raise StepFailed("the stored picture still has its EXIF data")
        ben.get(f"/api/keeps/{keep}/thumbnail")
        self._say("ben uploads a picture; a task strips its EXIF data and makes a thumbnail")
        return keep

    def _share(self, ben: Person, keep: str) -> None:
        token = ben.post(f"/api/keeps/{keep}/shares", 201, json={}).json()["token"]
        self._is_recorded(("share.created", "success"), by="ben")
        self.secrets["share token"] = token
        with Person(self.web, self.calls) as stranger:
            stranger.get(f"/api/shared/{token}")
        self._is_recorded(("file.downloaded", "success"), by="anonymous")
        self._say("ben shares it; a stranger opens the link")

    def _export(self, anna: Person, circle: str) -> None:
        export = anna.post(f"/api/circles/{circle}/exports", 202, json={}).json()["id"]
        self._is_recorded(*closed("data.export.requested"), by="anna")
        self._is_recorded(("data.export.completed", "success"), by="task keeps.export_circle for anna")
        status: dict[str, Any] = {}

        def is_ready() -> bool:
            status.update(anna.get(f"/api/exports/{export}").json())
            return bool(status["state"] == "ready")

        _wait_for("the export to be ready", is_ready)
        archive = anna.get(f"/api/exports/{export}/download").content
        self._is_recorded(*closed("data.export.downloaded"), by="anna")
        if not archive.startswith(b"PK"):
            raise StepFailed("the export is no archive")
        self._say("anna exports the circle; a task builds the archive, a link downloads it")

    def _go_wrong(self, ben: Person, circle: str) -> None:
        ben.delete(f"/api/circles/{circle}", 403)
        self._is_recorded(("authz.denied", "denied"), by="ben")
        ben.get(f"/api/circles/{'0' * 8}-0000-4000-8000-{'0' * 12}/messages", 404)
        ben.get("/api/debug/crash", 500)
        self._say("a 403, a 404 and an unhandled 500")


def _picture(exif_text: str) -> bytes:
    """A small JPEG whose EXIF data holds `exif_text`."""
    image = Image.new("RGB", (640, 480), "tomato")
    exif = Image.Exif()
    exif[0x010F] = exif_text  # the camera's make
    out = io.BytesIO()
    image.save(out, "JPEG", exif=exif)
    return out.getvalue()


def _pushes(gateway: str) -> dict[str, int]:
    """How the gateway answered so far, by fate."""
    counts: dict[str, int] = httpx.get(f"{gateway}/received", timeout=5).json()["counts"]
    return counts


def _wait_for(what: str, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _TASKS_WITHIN
    while not condition():
        if time.monotonic() > deadline:
            raise StepFailed(f"waited {_TASKS_WITHIN:g} s for {what}")
        time.sleep(0.2)
