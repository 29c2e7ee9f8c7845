"""Share links: whoever has one sees one keep, for a while, until it is revoked."""

from datetime import timedelta

import pytest
from django.utils import timezone

from keeps import sharing
from keeps.models import ShareLink
from tests.apps.catalogue import texts
from tests.apps.keeps.pictures import uploaded


def share(family, **given):
    path = uploaded(family)
    answer = family.member.post(f"{path}/shares", given)
    assert answer.status_code == 201, answer.content
    return path, answer.json()


def opened(family, token, who="anonymous"):
    return family[who].get(f"/api/shared/{token}")


def test_a_link_shows_the_keep_to_nobody_in_particular(family):
    """Without a session, the same bytes as a member downloads; and it is counted."""
    path, link = share(family)
    answer = opened(family, link["token"])
    assert answer.getvalue() == family.member.get(f"{path}/media").getvalue()
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "private, no-store"
    (listed,) = family.member.get(f"{path}/shares").json()
    assert listed["opened"] == 1
    assert "token" not in listed


def test_the_token_is_kept_as_a_digest_only(family):
    """Nothing in the row opens the link."""
    _, link = share(family)
    row = ShareLink.objects.values().get()
    assert link["token"].startswith("fck_share_")
    assert link["token"] not in repr(row)


def revoked(family, path, link):
    assert family.owner.delete(f"{path}/shares/{link['id']}").status_code == 204
    assert family.owner.delete(f"{path}/shares/{link['id']}").status_code == 204


def expired(family, path, link):
    now = timezone.now()
    ShareLink.objects.update(created_at=now - timedelta(days=2), expires_at=now - timedelta(days=1))


def hidden(family, path, link):
    family.member.delete(path)


@pytest.mark.parametrize(
    ("end", "reason"), [(revoked, "revoked"), (expired, "expired"), (hidden, "keep_hidden")]
)
def test_a_link_that_is_over_opens_nothing_and_does_not_say_why(family, logs, end, reason):
    """The caller gets the 404 of any unknown token; the log knows which link and why."""
    path, link = share(family)
    end(family, path, link)
    answer, unknown = opened(family, link["token"]), opened(family, "fck_share_" + "A" * 43)
    assert answer.status_code == unknown.status_code == 404
    assert answer.json()["error"]["message"] == unknown.json()["error"]["message"]
    logs.has("share.refused", reason=reason, share_id=link["id"])
    logs.has("share.refused", reason="unknown")


def test_a_link_survives_archiving(family):
    """Out of the way is not out of sight for who was given a link."""
    path, link = share(family)
    family.member.post(f"{path}/archive")
    assert opened(family, link["token"]).status_code == 200


def test_r25_a_token_is_in_no_line(family, logs, trail):
    """Neither opening nor failing to open a link writes its token anywhere, the audit trail included."""
    path, link = share(family)
    opened(family, link["token"])
    revoked(family, path, link)
    opened(family, link["token"])
    everything = texts(logs) + repr(trail.bodies)
    assert link["token"] not in everything
    assert link["token"].removeprefix("fck_share_") not in everything


@pytest.mark.parametrize("days", [0, -1, 91, 10**9, "soon"])
def test_a_life_that_is_not_allowed_is_refused(family, days):
    """From one day to SHARES_MAX_DAYS."""
    path = uploaded(family)
    assert family.member.post(f"{path}/shares", {"days": days}).status_code == 422


def test_only_who_may_share_sees_the_links(family):
    """Another member sees the keep, and none of its links."""
    path, _ = share(family)
    assert len(family.owner.get(f"{path}/shares").json()) == 1
    assert family.other.get(f"{path}/shares").json() == []


@pytest.mark.parametrize(("who", "status"), [("owner", 204), ("admin", 204), ("other", 403)])
def test_a_link_that_is_not_revoked_works_on(family, who, status):
    """Refused to somebody else, revoking changes nothing."""
    path, link = share(family)
    assert family[who].delete(f"{path}/shares/{link['id']}").status_code == status
    assert opened(family, link["token"]).status_code == (404 if status == 204 else 200)


def test_a_link_of_another_keep_is_not_found(family):
    """A link id is worth nothing under a keep that it does not belong to."""
    _, link = share(family)
    assert family.member.delete(f"{uploaded(family)}/shares/{link['id']}").status_code == 404


def test_a_keep_has_so_many_open_links(family, monkeypatch):
    """One more is a clear conflict; a revoked one makes room."""
    monkeypatch.setattr(sharing, "MAX_OPEN", 1)
    path, link = share(family)
    refused = family.member.post(f"{path}/shares")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "too_many")
    family.member.delete(f"{path}/shares/{link['id']}")
    assert family.member.post(f"{path}/shares").status_code == 201


def test_a_file_that_is_handed_out_runs_nowhere(family):
    """What somebody uploaded is no page of ours, whatever a browser makes of it."""
    path, link = share(family)
    for answer in (opened(family, link["token"]), family.member.get(f"{path}/thumbnail")):
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_what_is_not_ready_cannot_be_shared(family, tasks_stay_published):
    """A draft has not been cleaned."""
    assert family.member.post(f"{uploaded(family)}/shares").status_code == 409


def test_the_trail_has_the_link_its_use_and_its_end(family, trail):
    """share.created with its audience and expiry, file.downloaded by nobody known, share.revoked."""
    path, link = share(family, days=3)
    opened(family, link["token"])
    revoked(family, path, link)
    created = trail.only("share.created")
    assert created["detail"]["audience"] == "link"
    assert created["detail"]["share_id"] == link["id"]
    assert trail.only("file.downloaded")["actor"]["type"] == "anonymous"
    assert trail.only("share.revoked")["detail"]["share_id"] == link["id"]
