"""Pseudonyms: the same person, the same value; another key, another value. (decision 13)"""

from __future__ import annotations

import pytest

from logkit.redact import Pseudonyms, is_pseudonym

OLD = "the-old-key-of-at-least-32-characters"
NEW = "the-new-key-of-at-least-32-characters"


def test_the_same_value_has_the_same_pseudonym() -> None:
    """Spelling of e-mail addresses and telephone numbers does not matter; of tokens it does."""
    pseudonyms = Pseudonyms(NEW)
    assert pseudonyms.of("email", " Jane@Example.ORG ") == pseudonyms.of("email", "jane@example.org")
    assert pseudonyms.of("phone", "+1 (415) 555-0132") == pseudonyms.of("phone", "0014155550132")
    assert pseudonyms.of("token", "aB") != pseudonyms.of("token", "Ab")


def test_types_are_separated() -> None:
    """A session and a token of the same text share nothing; what was typed to log in names the same person."""
    pseudonyms = Pseudonyms(NEW)
    assert pseudonyms.of("session", "abc") != pseudonyms.of("token", "abc")
    assert pseudonyms.of("identifier", "Jane@example.org") == pseudonyms.of("email", "jane@example.org")
    assert pseudonyms.of("identifier", "jane") != pseudonyms.of("email", "jane")


def test_a_pseudonym_is_recognised_and_hides_its_value() -> None:
    """`h1:<key id>:<hex>`, and nothing of the value or the key in it."""
    pseudonym = Pseudonyms(NEW).of("email", "jane@example.org")
    version, key_id, digest = pseudonym.split(":")
    assert (version, len(key_id), len(digest)) == ("h1", 8, 32)
    assert is_pseudonym(pseudonym)
    assert not any(map(is_pseudonym, ["h1:x:y", "jane", "", None, 5, pseudonym + "0", pseudonym[:-1]]))
    assert NEW not in repr(Pseudonyms(NEW))


def test_rotation_keeps_old_values_findable() -> None:
    """Under a new key the pseudonyms change; those of the old keys can still be asked for."""
    old, new = Pseudonyms(OLD), Pseudonyms(NEW, old_keys=(OLD,))
    assert new.of("email", "jane@example.org") != old.of("email", "jane@example.org")
    assert new.all_of("email", "jane@example.org")[1] == old.of("email", "jane@example.org")
    assert new.key_id != old.key_id


def test_a_short_key_is_refused() -> None:
    """A key that can be guessed makes pseudonyms that can be undone."""
    with pytest.raises(ValueError, match="at least 16"):
        Pseudonyms("short")


def test_any_text_has_a_pseudonym() -> None:
    """Lone surrogates and empty texts are no exception."""
    assert is_pseudonym(Pseudonyms(NEW).of("token", "\ud800"))
    assert is_pseudonym(Pseudonyms(NEW).of("email", ""))
