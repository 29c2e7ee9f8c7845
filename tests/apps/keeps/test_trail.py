"""What the audit trail has of keeps: reads of what others stored, downloads, deletions; denials."""

from tests.apps.keeps.pictures import uploaded


def details(trail, name):
    return [body["detail"] for body in trail.bodies if body["event"] == name]


def test_reading_what_somebody_else_stored_is_recorded(family, trail):
    """Viewing and its thumbnail, each with its purpose; whose it is and in which circle."""
    path = uploaded(family)
    family.other.get(path)
    family.other.get(f"{path}/thumbnail")
    assert [detail["purpose"] for detail in details(trail, "data.read")] == ["view", "thumbnail"]
    (target,) = trail.bodies[-1]["target"]
    assert target["type"] == "keep"
    assert target["owner"] == str(family.member.id)
    assert target["circle_id"] == str(family.circle.id)
    assert trail.bodies[-1]["actor"]["id"] == str(family.other.id)


def test_a_list_is_one_event_with_the_number_of_others_keeps(family, trail):
    """Two of member's and one of one's own: two were read."""
    for who in ("member", "member", "other"):
        uploaded(family, who=who)
    family.other.get(f"{family.path}/keeps")
    assert details(trail, "data.read") == [{"object_count": 2, "purpose": "list"}]


def test_reading_ones_own_is_not_recorded(family, trail):
    """What is mine is no data access to account for; its download is."""
    path = uploaded(family)
    for tail in ("", "/thumbnail", "/media"):
        family.member.get(path + tail)
    family.member.get(f"{family.path}/keeps")
    assert details(trail, "data.read") == []
    size = family.member.get(path).json()["bytes"]
    assert trail.only("file.downloaded")["detail"] == {"bytes": size}


def test_a_deletion_and_its_undoing_are_recorded(family, trail):
    """First out of sight, then back."""
    path = uploaded(family)
    family.owner.delete(path)
    family.owner.post(f"{path}/restore")
    assert trail.only("data.deleted")["detail"]["mode"] == "archive"
    assert trail.only("data.restored")["detail"] == {"object_count": 1}


def test_a_denial_is_recorded_with_what_was_asked_for(family, trail):
    """Another member tried to archive what is not theirs."""
    assert family.other.post(f"{uploaded(family)}/archive").status_code == 403
    denied = trail.only("authz.denied")
    assert denied["outcome"] == "denied"
    assert denied["detail"]["permission"] == "keep.archive"


def test_an_upload_is_recorded_with_its_digest(family, trail):
    """What came in: bytes, type, digest; not the name it had."""
    uploaded(family, name="secret-name.jpg")
    assert set(trail.only("file.uploaded")["detail"]) == {"bytes", "mime", "sha256", "scan"}
    assert "secret-name" not in repr(trail.bodies)
