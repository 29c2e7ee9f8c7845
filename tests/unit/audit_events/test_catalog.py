"""The catalog: what is declared is consistent, and projects add to it."""

import pytest

from logkit import audit
from logkit.audit import catalog
from logkit.audit.catalog import Ecs, EventType, Ocsf, types
from logkit.audit.catalog.auth import AUTH
from logkit.audit.catalog.data import DATA
from logkit.audit.catalog.people import PEOPLE
from logkit.errors import AuditSchemaError

BUILT_IN = (*AUTH, *PEOPLE, *DATA)


def letter(meaning: str = "A letter was sealed.", **more: object) -> EventType:
    return EventType(
        "letter.sealed",
        meaning,
        stream="security",
        severity="notice",
        delivery="durable",
        ocsf=Ocsf(3004, 3, "Update"),
        ecs=Ecs(("iam",), ("change",)),
        **more,
    )


@pytest.fixture
def clean_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(types, "_types", dict(types._types))


def test_every_built_in_type_is_in_the_catalog_once() -> None:
    """All 59 types are found by name."""
    assert len(BUILT_IN) == len({kind.name for kind in BUILT_IN}) == 59
    assert all(catalog.find(kind.name) is kind for kind in BUILT_IN)


@pytest.mark.parametrize("kind", BUILT_IN, ids=lambda kind: kind.name)
def test_a_type_says_what_it_means(kind: EventType) -> None:
    """A sentence, known streams and severities, no field both required and optional, sums among its fields."""
    assert kind.meaning.endswith(".")
    assert kind.severity in catalog.SEVERITIES
    assert kind.stream in ("security", "compliance", "access")
    assert not set(kind.required) & set(kind.optional)
    assert set(kind.later) <= set(kind.required)
    assert set(kind.sums) <= kind.detail_names


@pytest.mark.usefixtures("clean_catalog")
def test_a_project_declares_its_own_type() -> None:
    """A declared type is found, also when its module is imported twice."""
    catalog.declare(letter())
    catalog.declare(letter())
    assert audit.catalog.find("letter.sealed") == letter()


@pytest.mark.usefixtures("clean_catalog")
def test_two_types_of_one_name_are_refused() -> None:
    """A second, different declaration is an error and changes nothing."""
    catalog.declare(letter())
    with pytest.raises(AuditSchemaError, match=r"letter\.sealed is in the catalog already"):
        catalog.declare(letter("Something else."))
    assert catalog.find("letter.sealed") == letter()


@pytest.mark.usefixtures("clean_catalog")
def test_later_fields_must_be_required() -> None:
    """`later` can only name fields that are required."""
    with pytest.raises(AuditSchemaError, match="wax"):
        catalog.declare(letter(later=("wax",)))
    assert catalog.find("letter.sealed") is None
