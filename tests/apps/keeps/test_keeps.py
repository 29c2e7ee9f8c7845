"""Keeps over HTTP: upload, see, archive, restore, delete, and who may."""

from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from django.core.exceptions import RequestDataTooBig
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from PIL import Image

from keeps.models import Keep
from keeps.uploads import UploadQuota
from tests.apps.keeps.pictures import PLANTED, animation, picture, upload, uploaded, with_metadata


def stored(files):
    return sorted(path.name for path in files.rglob("*") if path.is_file())


def test_a_picture_becomes_ready_with_a_thumbnail(family, files):
    """Whoever is in the circle downloads the cleaned picture; the upload itself is gone."""
    path = uploaded(family, with_metadata("JPEG"), caption="Our house")
    keep = family.other.get(path).json()
    assert (keep["state"], keep["caption"], keep["mime"], keep["has_thumbnail"]) == (
        "ready",
        "Our house",
        "image/jpeg",
        True,
    )
    media = family.other.get(f"{path}/media")
    content = media.getvalue()
    assert PLANTED not in content
    assert len(content) == keep["bytes"]
    assert sha256(content).hexdigest() == Keep.objects.get().sha256
    with Image.open(BytesIO(family.other.get(f"{path}/thumbnail").getvalue())) as thumbnail:
        assert thumbnail.format == "WEBP"
    assert stored(files) == ["picture.jpg", "thumbnail.webp"]


def test_a_download_is_private_and_never_guessed_at(family):
    """No cache keeps it, no browser takes it for something else, the name is ours."""
    path = uploaded(family, name="../../etc/passwd\r\nX: y.jpg")
    headers = family.other.get(f"{path}/media").headers
    keep_id = path.rsplit("/", 1)[1]
    assert headers["Content-Disposition"] == f'attachment; filename="{keep_id}.jpg"'
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Type"] == "image/jpeg"


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
def test_the_type_is_what_the_bytes_say(family, kind):
    """A picture called x.jpg and sent as image/jpeg is kept as what it is."""
    path = uploaded(family, picture(kind), name="x.jpg")
    assert family.member.get(path).json()["mime"] == f"image/{kind.lower()}"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"<svg onload='x()'/>", "unknown_type"),
        (b"\x7fELF" + bytes(60), "unknown_type"),
        (picture()[:40], "corrupt"),
        (picture("PNG", size=(400, 300)), "too_many_pixels"),
        (animation("GIF", frames=9), "too_large"),
    ],
)
def test_what_cannot_be_kept_is_refused(family, files, settings, content, code):
    """With its reason, and without a row or a file."""
    settings.KEEPS_MAX_PIXELS = 100_000
    if code == "too_large":
        settings.KEEPS_MAX_BYTES = 100
    answer = upload(family, content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)
    assert not Keep.objects.exists()
    assert stored(files) == []


@pytest.mark.allow_log_errors
def test_a_request_far_too_large_is_not_even_read(family, files, settings, logs):
    """Twice the limit and more is refused by its length, before a byte goes to disk; just over it has its reason."""
    settings.KEEPS_MAX_BYTES = 100_000
    assert upload(family, bytes(100_001)).json()["error"]["code"] == "too_large"
    assert upload(family, bytes(300_000)).status_code == 400
    assert upload(family).status_code == 201


def test_a_request_that_does_not_say_its_length_is_counted(settings):
    """An upload in chunks ends where a longer one would have been refused by its length."""
    settings.KEEPS_MAX_BYTES = 100_000
    handler = UploadQuota()
    handler.handle_raw_input(None, {}, 0)
    for _ in range(4):
        assert handler.receive_data_chunk(bytes(65_000), 0) == bytes(65_000)
    with pytest.raises(RequestDataTooBig):
        handler.receive_data_chunk(bytes(65_000), 0)


def test_a_caption_can_be_left_empty(family):
    """A form sends an empty field for what nobody filled in."""
    assert upload(family, caption="").json()["caption"] == ""


@pytest.mark.parametrize("caption", ["x" * 501, "two\nlines", "nul\x00"])
def test_a_caption_is_one_line_and_not_too_long(family, caption):
    """A caption that cannot be shown in a line is refused."""
    assert upload(family, caption=caption).status_code == 422


def test_a_row_that_cannot_be_written_leaves_no_file(family, files, monkeypatch):
    """The file comes first; without its row it goes again."""
    monkeypatch.setattr(Keep, "save", lambda *args, **kwargs: 1 / 0)
    family.member.http.raise_request_exception = False
    assert upload(family).status_code == 500
    assert stored(files) == []


def test_a_message_is_kept_beyond_its_deletion(family):
    """What it said can be downloaded after the message itself is gone."""
    sent = family.other.post(f"{family.path}/messages", {"body": "Grüße, Oma"}).json()
    answer = family.member.post(f"{family.path}/messages/{sent['id']}/keep", {"caption": "Oma"})
    assert answer.status_code == 201
    path = f"/api/keeps/{answer.json()['id']}"
    family.other.delete(f"{family.path}/messages/{sent['id']}")
    assert family.admin.get(path).json()["state"] == "ready"
    media = family.admin.get(f"{path}/media")
    assert media.getvalue().decode() == "Grüße, Oma"
    assert media.headers["Content-Type"].startswith("text/plain")
    assert family.admin.get(f"{path}/thumbnail").status_code == 404


def test_an_archived_keep_is_out_of_the_list_and_back(family):
    """Archiving moves it to the archive view; restoring brings it back."""
    path = uploaded(family)

    def listed(view):
        return len(family.other.get(f"{family.path}/keeps", view=view).json()["items"])

    assert family.member.post(f"{path}/archive").json()["state"] == "archived"
    assert (listed("current"), listed("archived")) == (0, 1)
    assert family.member.post(f"{path}/archive").status_code == 409
    assert family.member.post(f"{path}/restore").json()["state"] == "ready"
    assert (listed("current"), listed("archived")) == (1, 0)
    assert family.member.post(f"{path}/restore").status_code == 409


def test_a_deleted_keep_can_be_had_back_by_its_owner_and_who_runs_the_circle(family):
    """Deleted is out of sight for all; only these two see it in the list of deleted ones."""
    path = uploaded(family)
    assert family.member.delete(path).status_code == 204
    assert family.member.delete(path).status_code == 404
    for method, tail in [("get", ""), ("get", "/media"), ("get", "/thumbnail"), ("post", "/archive")]:
        assert getattr(family.member, method)(path + tail).status_code == 404
    deleted = {
        who: len(family[who].get(f"{family.path}/keeps", view="deleted").json()["items"])
        for who in ("owner", "admin", "member", "other")
    }
    assert deleted == {"owner": 1, "admin": 1, "member": 1, "other": 0}
    assert family.other.post(f"{path}/restore").status_code == 404
    assert family.owner.post(f"{path}/restore").json()["state"] == "ready"
    assert family.other.get(path).status_code == 200


def test_pages_follow_one_another_without_gap_or_repeat(family):
    """Walking by cursor sees every keep once, newest first."""
    now = timezone.now()
    for n in range(5):
        uploaded(family, caption=str(n))
        Keep.objects.filter(caption=str(n)).update(created_at=now + timedelta(seconds=n // 2))
    seen, cursor = [], None
    while not seen or cursor:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = family.other.get(f"{family.path}/keeps", **query).json()
        seen += [item["caption"] for item in page["items"]]
        cursor = page["next"]
    assert sorted(seen) == list("01234")
    assert seen[0] == "4"


def test_what_was_never_processed_is_seen_by_its_owner_alone(family, tasks_stay_published):
    """A draft has not been cleaned: nobody gets its file, and only its owner knows of it."""
    path = uploaded(family, with_metadata("JPEG"))
    assert family.member.get(path).json()["state"] == "draft"
    assert family.member.get(f"{path}/media").status_code == 404
    assert family.owner.get(path).status_code == 404
    assert family.owner.get(f"{family.path}/keeps").json()["items"] == []


def test_who_left_the_circle_sees_no_keep_any_more_not_even_their_own(family):
    """Membership is asked on every read."""
    path = uploaded(family)
    family.circle.memberships.filter(user=family.member.user).delete()
    assert family.member.get(path).status_code == 404
    assert family.member.get(f"{path}/media").status_code == 404


def test_a_list_costs_the_same_for_many_as_for_few(family):
    """No query per keep."""
    counts = []
    for many in (1, 4):
        for _ in range(many):
            uploaded(family)
        with CaptureQueriesContext(connection) as queries:
            assert family.other.get(f"{family.path}/keeps").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 4


def test_a_file_is_never_under_a_name_of_the_uploader(family, files):
    """Whatever the upload is called, nothing of it becomes a path."""
    uploaded(family, name="../../../evil.php")
    (media,) = files.rglob("picture.*")
    assert media == Path(files, "media", Keep.objects.get().media.name)
    assert "evil" not in str(list(files.rglob("*")))
