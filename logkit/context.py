"""The context: what every line of the current request, task or block says.

One immutable mapping in one ContextVar. Binding makes a new mapping; leaving a block puts the old one back, by
value and not by token, so that a block may end on another thread or loop than it began on. (R03, R17)
"""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import wraps
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

CONTEXT_ATTRIBUTE = "_logkit_context"  # on a request or an error: its context, for who meets it later (R01)

_NOTHING: Mapping[str, object] = MappingProxyType({})


class Scope:
    """One unit of work (a request, a task, a command): what its canonical line will say, and what is known late.

    `late` is asked before a line and answers with fields that belong to the rest of the work as soon as it knows
    them: a user that is only known after authentication inside the view, say. Whoever has nothing more to tell
    sets `late` to None. (R11) `moving` is asked before every line for fields that change on their way: the ids of
    the active span, say.
    """

    __slots__ = ("audit", "database", "error", "fields", "known", "late", "moving", "trace_flags", "traced")

    def __init__(self, late: Callable[[], Mapping[str, object] | None] | None = None) -> None:
        self.audit: Any = None  # what the audit trail keeps until the work ends
        self.fields: dict[str, object] = {}
        self.late = late
        self.known = _NOTHING
        self.moving: Callable[[], Mapping[str, object]] | None = None
        self.error: BaseException | None = None  # what the work failed of
        self.traced: BaseException | None = None  # the last error whose traceback was written (R14)
        self.trace_flags: str | None = None  # what the caller's `traceparent` said of sampling
        self.database: Any = None  # counts of queries; belongs to the integration that counts them


class Context(Mapping[str, object]):
    """An immutable mapping of bound fields, with the unit of work that it belongs to.

    `rendered` belongs to `logkit.event`: the fields made safe and encoded, once per mapping.
    """

    __slots__ = ("_fields", "known", "rendered", "scope")

    def __init__(self, fields: Mapping[str, object] | None = None, scope: Scope | None = None) -> None:
        self._fields = {**fields} if fields else {}
        self.scope = scope
        self.known = _NOTHING  # what of `scope.known` is in here
        self.rendered: Any = None

    def __eq__(self, other: object) -> bool:
        """By identity between contexts: equal fields of two units of work are two contexts, and asgiref compares.

        It compares every ContextVar after every hop between threads, by the value; Mapping's own answer takes 3 us.
        """
        return self is other if isinstance(other, Context) else self._fields == other

    __hash__ = None  # type: ignore[assignment]  # as every mapping

    def __getitem__(self, name: str) -> object:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __contains__(
        self, name: object
    ) -> bool:  # this and the next: Mapping's own go through Python for each
        return name in self._fields

    def items(self) -> ItemsView[str, object]:
        return self._fields.items()

    def __repr__(self) -> str:
        return f"Context({', '.join(self._fields)})"  # names only: values may be private

    def bind(self, fields: Mapping[str, object]) -> Context:
        """A new context with `fields` on top, in the same unit of work."""
        bound = Context(None, self.scope)
        bound._fields = {**self._fields, **fields}
        bound.known = self.known
        return bound

    def completed(self) -> Context:
        """This context with what its unit of work has learnt since."""
        scope = self.scope
        if scope is None:
            return self
        if scope.late is not None and (found := scope.late()):
            scope.known = {**scope.known, **found}
        context = self
        if scope.known is not self.known:
            learnt = {name: value for name, value in scope.known.items() if name not in self._fields}
            context = self.bind(learnt)
            context.known = scope.known
        if scope.moving is not None and not (moved := scope.moving()).items() <= context._fields.items():
            context = context.bind(moved)
        return context


EMPTY = Context()
_current: ContextVar[Context] = ContextVar("logkit_context", default=EMPTY)
_answered: ContextVar[Context | None] = ContextVar("logkit_answered", default=None)

get_context = _current.get


def current_context() -> Context:
    """The current context with what became known late; what a record is stamped with."""
    context = _current.get()
    if context.scope is None:
        return context
    completed = context.completed()
    if completed is not context:
        _current.set(completed)
    return completed


def set_context(context: Context) -> None:
    """Make `context` the current one; for code that opens and closes units of work."""
    _current.set(context)


def set_answered(context: Context | None) -> None:
    """Remember the context of the request just answered, until None says that its response is closed. (R01)"""
    _answered.set(context)


answered_context = _answered.get
"""The context of a request that was answered and whose response is not closed: for what its server says of it."""


def bind_context(**fields: object) -> None:
    """Put `fields` on every line until the request or task ends."""
    _current.set(_current.get().bind(fields))


@contextmanager
def bound_context(**fields: object) -> Iterator[Context]:
    """Put `fields` on every line of a block."""
    outer = _current.get()
    inner = outer.bind(fields)
    _current.set(inner)
    try:
        yield inner
    finally:
        _current.set(outer)


@contextmanager
def new_scope(fields: Mapping[str, object]) -> Iterator[Context]:
    """A unit of work that starts from `fields` alone and leaves the outer context as it was. (R03)"""
    outer = _current.get()
    context = Context(fields, Scope())
    _current.set(context)
    try:
        yield context
    finally:
        _current.set(outer)


def add_fields(**fields: object) -> None:
    """Put `fields` on the canonical line of this request or task; outside of one there is no such line."""
    scope = _current.get().scope
    if scope is not None:
        scope.fields.update(fields)


class ContextExecutor(ThreadPoolExecutor):
    """A `ThreadPoolExecutor` whose calls see the context of the code that submitted them. (C16)"""

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        run: Callable[..., R] = copy_context().run
        return super().submit(run, fn, *args, **kwargs)


def carry_context(fn: Callable[P, R]) -> Callable[P, R]:
    """`fn`, to be called by any thread or event loop callback, seeing the context of the code that called this. (C16)

    Asyncio's own tasks and `asyncio.to_thread` need no help; `threading.Thread(target=carry_context(fn))` does.
    """
    context = copy_context()

    @wraps(fn)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return context.copy().run(fn, *args, **kwargs)  # a copy: two threads cannot enter the same one

    return call
