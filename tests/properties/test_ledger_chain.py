"""Properties of the chain, the tree and the verifier, over universes of inputs."""

from __future__ import annotations

import random
import shutil
from hashlib import sha256
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logkit.audit.files.merkle import inclusion_path, root_from_path, root_of
from logkit.audit.files.segments import GENESIS, leaf_hash, line_of, list_segments, split_line
from logkit.audit.verify.diagnosis import diagnose, entry_of
from logkit.parsers import Rotation
from tests.unit.audit.ledger_tools import (
    assert_chained,
    body,
    copy_of,
    lines_of,
    make_ledger,
    make_trail,
    verified,
)

leaf_lists = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70)
texts = st.text(max_size=60)
bodies = st.dictionaries(
    texts, st.one_of(texts, st.integers(-(2**40), 2**40), st.booleans(), st.none()), min_size=1
)


def rfc6962(leaves: list[bytes]) -> bytes:
    """The definition of RFC 6962, section 2.1, as it is written there."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\1" + rfc6962(leaves[:k]) + rfc6962(leaves[k:])).digest()


@given(leaf_lists)
def test_the_root_is_that_of_rfc_6962(leaves: list[bytes]) -> None:
    """Level by level gives the recursive definition."""
    assert root_of(leaves) == rfc6962(leaves)


def test_the_root_over_nothing() -> None:
    """The RFC's empty tree."""
    assert root_of([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@given(leaf_lists, st.data())
def test_every_leaf_leads_to_the_root_and_no_other_does(leaves: list[bytes], data: st.DataObject) -> None:
    """A path proves its leaf at its place in its tree, and nothing else."""
    index = data.draw(st.integers(0, len(leaves) - 1))
    path = inclusion_path(leaves, index)
    assert root_from_path(leaves[index], index, len(leaves), path) == root_of(leaves)
    other = data.draw(st.binary(min_size=32, max_size=32).filter(lambda leaf: leaf != leaves[index]))
    assert root_from_path(other, index, len(leaves), path) != root_of(leaves)
    with pytest.raises(ValueError, match="too long"):
        root_from_path(leaves[index], index, len(leaves), [*path, other])
    if path:
        with pytest.raises(ValueError, match="too short"):
            root_from_path(leaves[index], index, len(leaves), path[:-1])


@given(bodies, st.integers(1, 2**50), st.binary(min_size=32, max_size=32))
def test_a_line_gives_back_what_went_into_it(members: dict[str, object], seq: int, prev: bytes) -> None:
    """Number, `prev` and body survive, and the line is one line of JSON."""
    encoded = orjson.dumps(members)
    line = line_of(seq, prev, encoded)
    assert split_line(line) == (seq, prev, encoded)
    assert line.count(b"\n") == 1
    assert orjson.loads(line) == {"seq": seq, "prev": prev.hex(), **members}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(bodies, min_size=1, max_size=30), st.integers(200, 3000))
def test_whatever_is_recorded_is_there_in_order(
    tmp_path: Path, stated: list[dict[str, object]], size: int
) -> None:
    """Any bodies, any segment size: the same bodies come out, chained, and verify."""
    shutil.rmtree(tmp_path / "audit", ignore_errors=True)
    shutil.rmtree(tmp_path / "keys", ignore_errors=True)
    ledger = make_ledger(tmp_path, rotation=Rotation(size=size))
    encoded = [orjson.dumps(members) for members in stated]
    for each in encoded:
        ledger.append(each)
    ledger.seal()
    directory = tmp_path / "audit/security"
    assert assert_chained(directory) == len(encoded)
    assert [split_line(line)[2] for line in lines_of(directory)] == encoded
    report = verified(directory)
    assert (report.exit_code, report.sealed) == (0, len(encoded))


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_trail(tmp_path_factory.mktemp("property") / "t", records=80)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 255))
def test_no_byte_of_a_segment_can_change_unseen(trail: Path, tmp_path: Path, seed: int, mask: int) -> None:
    """Any byte, any change: exit 1, and a finding names the segment."""
    chance = random.Random(seed)
    copied = copy_of(trail, tmp_path / str(chance.random()))
    segment = chance.choice(list_segments(copied))
    content = bytearray(segment.path.read_bytes())
    content[chance.randrange(len(content))] ^= mask
    segment.path.write_bytes(content)
    report = verified(copied)
    shutil.rmtree(copied.parent.parent)
    assert report.exit_code == 1
    assert any(finding.segment == segment.name and finding.code == 1 for finding in report.findings)


def chain(count: int) -> list[bytes]:
    lines: list[bytes] = []
    prev = GENESIS
    for number in range(1, count + 1):
        lines.append(line_of(number, prev, body(number)))
        prev = leaf_hash(lines[-1])
    return lines


@given(st.integers(5, 40), st.randoms(use_true_random=False))
def test_a_shuffled_part_is_reordered_and_nothing_else(count: int, chance: random.Random) -> None:
    """Lines that only changed places are named as one range, whichever they are."""
    lines = chain(count)
    start = chance.randrange(count - 2)
    end = chance.randrange(start + 2, count + 1)
    part = lines[start:end]
    chance.shuffle(part)
    if part == lines[start:end]:
        part.reverse()
    changed = [*lines[:start], *part, *lines[end:]]
    findings, next_seq, _ = diagnose("s", 1, [entry_of(line) for line in changed])
    assert {finding.verdict for finding in findings} == {"REORDERED"}
    moved = {
        number for number, (one, other) in enumerate(zip(lines, changed, strict=True), 1) if one != other
    }
    named = {number for finding in findings for number in range(finding.first or 0, (finding.last or 0) + 1)}
    assert moved <= named
    assert next_seq == count + 1


@given(st.integers(5, 40), st.randoms(use_true_random=False))
def test_removed_lines_are_named_exactly(count: int, chance: random.Random) -> None:
    """The numbers that are gone, no more and no fewer."""
    lines = chain(count)
    gone = set(chance.sample(range(2, count), chance.randrange(1, count - 2)))
    kept = [line for number, line in enumerate(lines, 1) if number not in gone]
    findings, _, _ = diagnose("s", 1, [entry_of(line) for line in kept])
    named = {number for finding in findings for number in range(finding.first or 0, (finding.last or 0) + 1)}
    assert {finding.verdict for finding in findings} == {"ALTERED"}
    assert named == gone
