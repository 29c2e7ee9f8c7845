"""The context in threads and event loops. (C16)"""

from __future__ import annotations

import asyncio
import threading

import logkit
from logkit.context import EMPTY, get_context, new_scope


def seen_by_thread(target: object) -> list[object]:
    """What the context of a new thread says of the request."""
    seen: list[object] = []
    thread = threading.Thread(target=target, args=(seen,))  # type: ignore[arg-type]
    thread.start()
    thread.join()
    return seen


def look(seen: list[object]) -> None:
    seen.append(logkit.get_context().get("request_id"))


def test_c16_a_carried_function_sees_the_context_where_it_was_wrapped() -> None:
    """A plain thread sees nothing, a carried call sees it even after the block is left."""
    with new_scope({"request_id": "request-1"}):
        carried = logkit.carry_context(look)
        assert seen_by_thread(look) == [None]
    assert seen_by_thread(carried) == ["request-1"]
    assert get_context() is EMPTY


def test_c16_threads_share_a_carried_function_and_no_context() -> None:
    """Several may be inside of it at once; what one binds the others do not see."""
    together = threading.Barrier(3)
    seen: list[dict[str, object]] = []

    def work(number: int) -> None:
        logkit.bind_context(number=number)
        together.wait(10)
        seen.append(dict(logkit.get_context()))

    with new_scope({"request_id": "request-1"}) as outer:
        carried = logkit.carry_context(work)
        threads = [threading.Thread(target=carried, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert get_context() is outer
    assert sorted(fields["number"] for fields in seen) == [0, 1, 2]  # type: ignore[type-var]
    assert {fields["request_id"] for fields in seen} == {"request-1"}


def test_c16_an_executor_keeps_the_context_of_each_submission() -> None:
    """Two callers, one pool."""
    with logkit.ContextExecutor(1) as executor:
        with new_scope({"request_id": "request-1"}):
            first = executor.submit(lambda: logkit.get_context().get("request_id"))
        with new_scope({"request_id": "request-2"}):
            second = executor.submit(lambda: logkit.get_context().get("request_id"))
        nobody = executor.submit(lambda: logkit.get_context().get("request_id"))
        assert [first.result(), second.result(), nobody.result()] == ["request-1", "request-2", None]


def test_c16_asyncio_carries_it_by_itself() -> None:
    """Tasks, `to_thread` and our executor see the context; what a task binds stays in it."""

    async def bind_and_look(number: int) -> tuple[object, object]:
        logkit.bind_context(number=number)
        await asyncio.sleep(0)
        in_thread = await asyncio.to_thread(lambda: logkit.get_context().get("number"))
        with logkit.ContextExecutor(1) as executor:
            loop = asyncio.get_running_loop()
            in_executor = await loop.run_in_executor(executor, lambda: logkit.get_context().get("number"))
        assert in_executor == in_thread
        return logkit.get_context().get("request_id"), in_thread

    async def main() -> list[tuple[object, object]]:
        return list(await asyncio.gather(*(bind_and_look(number) for number in range(3))))

    with new_scope({"request_id": "request-1"}) as outer:
        assert asyncio.run(main()) == [("request-1", number) for number in range(3)]
        assert get_context() is outer
