"""The audit helpers that no app of ours needs, because Django's own ways are captured."""

import json

import pytest

from mysite import audit


def test_a01_a_login_past_django_is_recorded_without_a_clear_identifier(trail):
    """One line at the call site: who, how, and pseudonyms of the session and of the address."""
    audit.login_succeeded("7", method="sso", mfa=True, session="a-session-key-in-clear")
    audit.login_failed(email="anna@example.org", method="sso", reason="unknown_issuer")
    succeeded, failed = trail.only("auth.login.succeeded"), trail.only("auth.login.failed")
    assert (succeeded["outcome"], succeeded["actor"]["auth_method"], succeeded["actor"]["mfa"]) == (
        "success",
        "sso",
        True,
    )
    assert succeeded["actor"]["session_ref"].startswith("h1:")
    assert (failed["outcome"], failed["reason"]) == ("failure", "unknown_issuer")
    assert failed["detail"] == {"identifier_ref": audit.email_ref("anna@example.org")}
    written = json.dumps(trail.bodies)
    assert "anna@example.org" not in written
    assert "a-session-key-in-clear" not in written


@pytest.mark.parametrize("verb", ["granted", "revoked"])
def test_permissions_are_recorded_before_they_change(trail, verb):
    """Intent before the block, outcome after it, with what was and what is."""
    change = {"granted": audit.granting_permission, "revoked": audit.revoking_permission}[verb]
    with change("7", privileges=["keeps.view"], before=[], after=["keeps.view"]):
        assert [body["stage"] for body in trail.bodies] == ["intent"]
    assert trail.only(f"authz.permission.{verb}")["detail"]["privileges"] == ["keeps.view"]
