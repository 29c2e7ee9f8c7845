"""Pipes that close themselves."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from logkit.writers import StdoutWriter
from tests.unit.writers import lines


class Pipe:
    """A pipe, and writers to it that are closed at the end of the test."""

    def __init__(self, lock_directory: Path, ends: tuple[int, int]) -> None:
        self.reader, self.fd = ends
        self.lock_directory = lock_directory
        self._writers: list[StdoutWriter] = []

    def writer(self, **options: object) -> StdoutWriter:
        writer = StdoutWriter(self.fd, **{"lock_directory": self.lock_directory, **options})  # type: ignore[arg-type]
        self._writers.append(writer)
        return writer

    def close_writers(self) -> None:
        """After this, the reader sees the end."""
        for writer in self._writers:
            writer.close()
        self.close_fd("fd")

    def close_fd(self, name: str) -> None:
        if (fd := getattr(self, name)) >= 0:
            os.close(fd)
            setattr(self, name, -1)

    def close(self) -> None:
        self.close_fd("reader")
        self.close_writers()


@pytest.fixture
def make_pipe(tmp_path: Path) -> Iterator[Callable[..., Pipe]]:
    """Makes pipes; `small` ones hold a page."""
    made: list[Pipe] = []

    def make(*, small: bool = False, blocking: bool = True) -> Pipe:
        pipe = Pipe(tmp_path, lines.small_pipe() if small else os.pipe())
        os.set_blocking(pipe.fd, blocking)
        made.append(pipe)
        return pipe

    yield make
    for pipe in made:
        pipe.close()


@pytest.fixture
def pipe(make_pipe: Callable[..., Pipe]) -> Pipe:
    return make_pipe()
