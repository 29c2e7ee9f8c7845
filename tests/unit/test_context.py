"""The context: what is bound, for how long, and who sees it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from logkit import context as contexts
from logkit.context import (
    Context,
    ContextExecutor,
    Scope,
    add_fields,
    bind_context,
    bound_context,
    get_context,
)


def test_a_bound_context_ends_with_its_block() -> None:
    """Inside the block the fields are there, on top of the outer ones; after it, exactly the outer ones."""
    bind_context(circle_id=1)
    outer = get_context()
    with bound_context(import_id=3, circle_id=2):
        assert dict(get_context()) == {"circle_id": 2, "import_id": 3}
    assert get_context() is outer


def test_a_block_that_raises_still_ends() -> None:
    """The outer context is back after an exception."""
    with pytest.raises(ZeroDivisionError), bound_context(a=1):
        _ = 1 / 0
    assert dict(get_context()) == {}


def test_two_contexts_are_the_same_only_as_objects() -> None:
    """Equal fields of two units of work are two contexts; beside any other mapping the fields count."""
    one, other = Context({"a": 1}, Scope()), Context({"a": 1}, Scope())
    assert one == one
    assert one != other
    assert one == {"a": 1}
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


def test_r17_a_block_may_end_in_another_context_than_it_began() -> None:
    """A generator that is closed by another task restores by value: no token of a foreign context is needed."""

    async def main() -> None:
        async def produce() -> object:
            with bound_context(a=1):
                yield 1

        chunks = produce()
        await asyncio.create_task(anext(chunks))
        await asyncio.create_task(chunks.aclose())

    asyncio.run(main())
    assert dict(get_context()) == {}


def test_r03_a_unit_of_work_starts_clean_and_restores_exactly() -> None:
    """A new scope does not inherit a stale context, and leaves the outer one as it was."""
    bind_context(stale=True)
    outer = get_context()
    with contexts.new_scope({"request_id": "r"}):
        bind_context(later=1)
        assert dict(get_context()) == {"request_id": "r", "later": 1}
    assert get_context() is outer


def test_the_context_cannot_be_changed_from_outside() -> None:
    """get_context() gives a read-only mapping whose repr shows names only."""
    bind_context(token="abc")
    with pytest.raises(TypeError):
        get_context()["token"] = "x"
    assert repr(get_context()) == "Context(token)"


def test_added_fields_belong_to_the_unit_of_work() -> None:
    """Fields for the canonical line gather on the scope, also from nested blocks; outside of one they go nowhere."""
    add_fields(lost=1)
    with contexts.new_scope({}) as unit, bound_context(a=1):
        add_fields(rows=12)
    assert unit.scope.fields == {"rows": 12}


def test_r11_what_becomes_known_late_is_on_later_lines() -> None:
    """A late fact is asked for until it is known, then it is part of every later line, in nested blocks too."""
    known: dict[str, object] = {}
    contexts.set_context(Context({"request_id": "r"}, Scope(late=lambda: known)))
    assert "user_id" not in contexts.current_context()
    with bound_context(a=1):
        known["user_id"] = 7
        assert contexts.current_context()["user_id"] == 7
    assert dict(contexts.current_context()) == {"user_id": 7, "request_id": "r"}


def test_c16_the_executor_carries_the_context() -> None:
    """Our executor's threads see the context of the submitter; a plain executor's do not."""
    bind_context(request_id="r")
    with ContextExecutor(1) as ours, ThreadPoolExecutor(1) as plain:
        assert dict(ours.submit(get_context).result()) == {"request_id": "r"}
        assert list(ours.map(lambda _: get_context()["request_id"], [1, 2])) == ["r", "r"]
        assert dict(plain.submit(get_context).result()) == {}


def test_two_threads_do_not_share_a_context() -> None:
    """What one task of an executor binds, the next one on the same thread does not see."""
    with ContextExecutor(1) as executor:
        executor.submit(bind_context, a=1).result()
        assert dict(executor.submit(get_context).result()) == {}
