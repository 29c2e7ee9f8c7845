"""UUIDv7."""

import os
import threading
import time
import uuid

import pytest

from logkit.audit.events import ids


def test_an_id_is_a_version_7_uuid_of_this_moment() -> None:
    """Version and variant are right and the first 48 bits are the time in milliseconds."""
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(ids.uuid7())
    after = time.time_ns() // 1_000_000
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= after + 1


def test_ids_of_threads_are_unique_and_each_thread_sees_them_grow() -> None:
    """Eight threads make ids at once: none is made twice and each thread's are in order."""
    made: list[list[str]] = []

    def make() -> None:
        made.append([ids.uuid7() for _ in range(2000)])

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(each == sorted(each) for each in made)
    assert len({one for each in made for one in each}) == 16_000


def test_ids_grow_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that jumps an hour back does not make an id smaller than the last one."""
    first = ids.uuid7()
    earlier = time.time_ns() - 3_600_000_000_000
    monkeypatch.setattr(ids.time, "time_ns", lambda: earlier)
    following = [ids.uuid7() for _ in range(1000)]
    assert [first, *following] == sorted({first, *following})


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # threads of other tests, from 3.12 on
def test_a_forked_child_does_not_repeat_its_parents_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the clock standing still, parent and child go on with different random parts."""
    now = time.time_ns()
    monkeypatch.setattr(ids.time, "time_ns", lambda: now)
    reader, writer = os.pipe()
    child = os.fork()
    made = [ids.uuid7()[14:] for _ in range(100)]
    if not child:
        os.write(writer, " ".join(made).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="ascii") as pipe:
        childs = pipe.read().split()
    os.waitpid(child, 0)
    assert len({*made, *childs}) == 200
