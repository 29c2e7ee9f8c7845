"""Rows L01 to L17 that one process can show: every line once, whole, true, and nothing raised into the program."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.program import program_environ, run


def test_l01_a_sink_that_logs_through_stdlib_does_not_deadlock() -> None:
    """Two threads, each in a sink that logs through stdlib: both return and everything is recorded."""
    result = run(
        """
        quiet = logging.getLogger("inner")
        def sink(event):
            if event["message"] == "outer":
                quiet.warning("inner.logged")
        logkit.add_sink(sink, level="INFO")
        def work():
            for _ in range(200):
                logger.info("outer")
                logging.getLogger("plain").info("beside")
        threads = [threading.Thread(target=work) for _ in range(2)]
        [thread.start() for thread in threads]
        [thread.join(20) for thread in threads]
        assert not any(thread.is_alive() for thread in threads)
        """
    )
    assert result.code == 0, result.stderr
    assert [len(result.find(event)) for event in ("outer", "inner.logged", "beside")] == [400, 400, 400]


def test_l04_a_broken_format_leaves_the_program_alone() -> None:
    """Wrong arguments: the program goes on, the raw message is kept, the fault is named."""
    line = run('logging.info("%s %s", 1); logging.info("%d", "x"); logger.info("went on")')
    assert [one["message"] for one in line.lines] == ["%s %s", "%d", "went on"]
    assert line.lines[0]["context"]["format_error"] == "TypeError"
    assert line.code == 0


@pytest.mark.parametrize(
    "text", ["{", "}", "{x}", "{0}", "%s", "%(a)s", "100%", "</red>", "<red>x</red>", "{{}}"]
)
def test_l05_braces_and_percent_signs_are_literal(text: str) -> None:
    """What looks like a format stays as it is, with and without fields, from Loguru and stdlib."""
    result = run(
        f"""
        text = {text!r}
        logger.info(text); logger.bind(x=1).info(text); logging.info(text); logging.info("%s", text)
        logging.info(text, extra={{"x": 1}})
        """
    )
    assert [line["message"] for line in result.lines] == [text] * 5


def test_l06_the_origin_is_the_callers() -> None:
    """stacklevel, a queue listener, warnings and Loguru's depth all name the line that meant it."""
    result = run(
        """
        import logging.handlers, queue, warnings
        def helper():
            logging.warning("by.stacklevel", stacklevel=2)
            logger.opt(depth=1).warning("by.depth")
        def caller():
            helper()
        caller()
        def warned():
            warnings.warn("old way", stacklevel=2)
        def warning_caller():
            warned()
        warning_caller()
        channel = queue.Queue()
        listener = logging.handlers.QueueListener(channel, *logging.getLogger().handlers)
        queued = logging.getLogger("queued"); queued.propagate = False
        queued.addHandler(logging.handlers.QueueHandler(channel))
        def through_queue():
            queued.warning("by.queue")
        listener.start(); through_queue(); listener.stop()
        """
    )
    functions = {line["message"]: line["source"]["function"] for line in result.lines}
    assert functions["by.stacklevel"] == "caller"
    assert functions["by.depth"] == "caller"
    assert functions["by.queue"] == "through_queue"
    warned = result.only("old way")
    assert warned["logger"] == "py.warnings"
    assert warned["context"]["category"] == "UserWarning"
    assert warned["source"]["line"] > 10


def test_l07_extra_cannot_collide_or_carry_live_objects() -> None:
    """Fields named like our own members land in context, and a live object is said, not serialised."""
    line = run(
        """
        class Request:
            def __init__(self): self.secret_thing = "LIVE"
        logging.warning("m", extra={"request": Request(), "level": 1, "timestamp": "t", "context": 2, "service": 3})
        """
    ).lines[0]
    assert line["level"] == "WARNING"
    assert (line["context"]["level"], line["context"]["timestamp"], line["context"]["service"]) == (1, "t", 3)
    assert "LIVE" not in json.dumps(line)


def test_l08_every_kind_of_exception_is_one_valid_line() -> None:
    """exc_info without an exception, groups, cycles, notes, and exceptions that cannot say what they are."""
    result = run(
        """
        logging.error("no exception", exc_info=True)
        class Mute(Exception):
            def __str__(self): raise RuntimeError("no")
            __repr__ = __str__
        def cycle():
            one, other = ValueError("one"), KeyError("other")
            one.__cause__, other.__cause__ = other, one
            raise one
        def noted():
            error = ValueError("noted"); error.add_note("a note"); raise error
        def group():
            raise ExceptionGroup("several", [ValueError("a"), ExceptionGroup("inner", [KeyError("b")])])
        def mute():
            raise Mute()
        for fail in (cycle, noted, group, mute):
            try: fail()
            except Exception: logger.exception(fail.__name__)
        """
    )
    by_name = {line["message"]: line.get("exception") for line in result.lines}
    assert by_name["no exception"] is None
    assert by_name["cycle"]["type"] == "ValueError"
    assert by_name["noted"]["notes"] == ["a note"]
    assert len(by_name["group"]["group"]) == 2
    assert by_name["mute"]["type"].endswith("Mute")
    assert len(result.lines) == 5


def test_l09_any_object_is_one_strict_json_line() -> None:
    """Surrogates, NaN, bytes, tuple keys, cycles, depth, huge numbers, models of all kinds."""
    result = run(
        r"""
        import dataclasses, decimal, enum, datetime, uuid, pathlib
        cycle = []; cycle.append(cycle)
        deep = []
        for _ in range(100_000): deep = [deep]
        @dataclasses.dataclass
        class Point: x: int; y: object
        class Colour(enum.Enum): RED = 1
        class Lazy:
            def __str__(self): return "lazy text"
        odd = ["\ud800 lone", float("nan"), float("inf"), b"\xff\x00", {(1, 2): 3, None: 4, "\udfff": 5}, cycle, deep,
               10 ** 5000, Point(1, Point(2, 3)), Colour.RED, decimal.Decimal("1.5"), {1, 2}, range(3), Lazy(),
               datetime.datetime(2026, 1, 1), uuid.UUID(int=1), pathlib.Path("/x"), object(), type, lambda: 1, 1j, ...]
        for number, value in enumerate(odd):
            logger.bind(value=value, number=number).info("odd.value")
        logger.bind(**{"\ud800": 1}).info("odd \ud800 message")
        sys.stdout.flush(); print(len(odd), file=sys.stderr)
        """
    )
    lines = [
        json.loads(line, parse_constant=lambda name: pytest.fail(name)) for line in result.stdout.splitlines()
    ]
    assert len(lines) == int(result.stderr) + 1
    assert all(len(line) <= 16_384 for line in result.stdout.splitlines(keepends=True))


def test_l10_a_record_is_one_physical_line() -> None:
    """Newlines of every kind and escape sequences stay inside the JSON string."""
    result = run(r'logger.bind(v="a\nb\r\n\u2028\u2029\x1b[31m\x85\x0b\x0c").info("one\ntwo\u2028\x1b[2J")')
    assert result.stdout.count(b"\n") == 1
    assert len(result.stdout.decode().splitlines()) == 1  # also for readers who break lines at U+2028
    assert result.lines[0]["context"]["v"] == "a\nb\r\n\u2028\u2029\x1b[31m\x85\x0b\x0c"
    assert not any(byte < 0x20 and byte != 0x0A for byte in result.stdout)


def test_l13_a_closed_pipe_is_survived() -> None:
    """The reader goes away: at most one notice, and the program ends as it would have."""
    code = "import logkit\nfrom loguru import logger\nlogkit.configure()\n" + (
        "for n in range(5000): logger.bind(n=n).info('line.written')\nraise SystemExit(7)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=program_environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 7
    assert len(stderr.splitlines()) <= 2, stderr


def test_l14_custom_levels_keep_their_names() -> None:
    """A stdlib level with a name of its own, and one without."""
    result = run(
        """
        logging.addLevelName(25, "NOTICE")
        logging.getLogger("a").log(25, "named"); logging.getLogger("a").log(33, "unnamed"); logger.success("ours")
        """
    )
    assert [line["level"] for line in result.lines] == ["NOTICE", "Level 33", "SUCCESS"]


def test_a_stdlib_record_of_the_audit_trails_number_is_an_ordinary_line() -> None:
    """Level 60 is ours in Loguru; a library that uses the number loses nothing."""
    line = run(
        "logging.getLogger('lib').log(60, 'very.important'); logging.getLogger('lib').log(99, 'more')"
    ).lines
    assert [one["message"] for one in line] == ["very.important", "more"]


def test_a_record_that_cannot_be_taken_is_counted_not_raised() -> None:
    """A LogRecord without its usual attributes: the program goes on, and a line says so."""
    result = run(
        """
        record = logging.makeLogRecord({"name": "broken", "msg": "m"}); del record.levelno, record.__dict__["process"]
        logging.getLogger().handlers[0].handle(record); logger.info("went.on")
        """
    )
    assert result.only("logkit.record_failed")["context"]["failed_logger"] == "broken"
    assert result.only("went.on")


def test_l14_a_logger_with_a_stream_of_its_own_writes_once_and_here() -> None:
    """propagate=False with a StreamHandler, as servers set up, becomes our line and nothing else."""
    result = run(
        """
        server = logging.getLogger("some.server"); server.propagate = False
        server.addHandler(logging.StreamHandler(sys.stdout)); server.addHandler(logging.StreamHandler())
        logkit.configure({**os.environ, "LOG_LEVEL": "DEBUG"})
        server.warning("server.spoke")
        """
    )
    assert result.only("server.spoke")["logger"] == "some.server"
    assert result.stderr == b""


def test_l14_a_forked_child_says_its_own_pid() -> None:
    """After os.fork() the child's lines carry the child's process id."""
    result = run(
        """
        logger.info("before")
        pid = os.fork()
        if not pid:
            logger.info("in.child"); logging.warning("in.child.too"); os._exit(0)
        os.waitpid(pid, 0); logger.bind(child=pid).info("after")
        """
    )
    child = result.only("after")["context"]["child"]
    assert result.only("in.child")["process"]["id"] == child
    assert result.only("in.child.too")["process"]["id"] == child


def test_l15_an_uncaught_exception_is_logged_and_ends_the_program_as_python_does() -> None:
    """Exit code 1, one CRITICAL line with the traceback."""
    result = run("def work(): return 1 / 0\nwork()")
    assert result.code == 1
    line = result.only("process.crashed")
    assert line["level"] == "CRITICAL"
    assert line["exception"]["type"] == "ZeroDivisionError"
    assert "in work" in line["exception"]["stack"]
    assert line["source"]["function"] == "work"


def test_l15_without_stdout_the_traceback_goes_to_stderr() -> None:
    """With the stdout sink off, Python's own traceback is still there."""
    result = run("1 / 0", environ={"LOG_STDOUT": "off"})
    assert result.code == 1
    assert b"ZeroDivisionError" in result.stderr
    assert result.stdout == b""


def test_l15_threads_tasks_and_finalisers() -> None:
    """A thread that dies, an asyncio task nobody awaits, a __del__ that raises: one line each."""
    result = run(
        """
        import asyncio, gc
        def die(): raise ValueError("thread")
        thread = threading.Thread(target=die, name="worker-7"); thread.start(); thread.join()
        class Bad:
            def __del__(self): raise KeyError("finaliser")
        Bad(); gc.collect()
        async def fail(): raise IndexError("task")
        async def main():
            task = asyncio.ensure_future(fail()); await asyncio.sleep(0.01); del task; gc.collect()
        asyncio.run(main())
        """
    )
    assert result.code == 0
    assert result.only("thread.crashed")["context"]["failed_thread"] == "worker-7"
    assert result.only("exception.unraisable")["exception"]["type"] == "KeyError"
    assert [line["exception"]["type"] for line in result.lines if line["logger"] == "asyncio"] == [
        "IndexError"
    ]


def test_l15_ctrl_c_is_no_crash() -> None:
    """KeyboardInterrupt behaves as Python says and is no CRITICAL line."""
    result = run("raise KeyboardInterrupt")
    assert result.code in {130, -signal.SIGINT}
    assert result.find("process.crashed") == []


def test_l16_levels_change_under_load_with_nothing_lost_or_doubled() -> None:
    """Four threads log while the configuration is swapped again and again: every WARNING arrives exactly once."""
    result = run(
        """
        stop = threading.Event()
        sent = [0] * 4
        def work(index):
            while not stop.is_set():
                logger.bind(thread=index, n=sent[index]).warning("line.sent"); sent[index] += 1
        threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
        [thread.start() for thread in threads]
        for turn in range(12):
            logkit.configure({**os.environ, "LOG_LEVEL": ["DEBUG", "WARNING", "INFO"][turn % 3]})
        stop.set(); [thread.join() for thread in threads]
        logger.bind(sent=sent).warning("load.done")
        """
    )
    seen = [(line["context"]["thread"], line["context"]["n"]) for line in result.find("line.sent")]
    sent = result.only("load.done")["context"]["sent"]
    assert len(seen) == len(set(seen)) == sum(sent)


def test_l17_what_was_accepted_is_out_at_exit() -> None:
    """A normal exit, sys.exit and SIGTERM with a handler lose nothing, in both modes."""
    for mode in ("direct", "buffered"):
        result = run(
            """
            import signal
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
            for n in range(500): logger.bind(n=n).info("line.written")
            os.kill(os.getpid(), signal.SIGTERM)
            """,
            environ={"LOG_STDOUT_MODE": mode},
        )
        assert result.code == 3
        assert len(result.find("line.written")) == 500, mode


def test_configuring_twice_with_equal_settings_changes_nothing() -> None:
    """The second configure() neither doubles lines nor touches Loguru."""
    result = run("logkit.configure(); logkit.configure(); logger.info('once'); logging.warning('once.too')")
    assert [line["message"] for line in result.lines] == ["once", "once.too"]


def test_an_unknown_variable_is_one_warning() -> None:
    """A misspelt variable is named once, with its nearest neighbour."""
    line = run("", environ={"LOG_LEVLE": "DEBUG", "LOG_0_Q": "x"}).only("logkit.unknown_variables")
    assert line["context"]["variables"] == ["LOG_0_Q", "LOG_LEVLE: did you mean LOG_LEVEL?"]
    assert line["level"] == "WARNING"


def test_a_bad_variable_stops_the_start_with_every_fault() -> None:
    """configure() raises, naming every bad variable, and shows no secret."""
    result = run("", environ={"LOG_LEVEL": "LOUD", "LOG_PSEUDONYM_KEY": "hunter2", "LOG_FORMAT": "xml"})
    assert result.code == 1
    for part in (b"LOG_LEVEL", b"'LOUD'", b"LOG_PSEUDONYM_KEY", b"LOG_FORMAT", b"'xml'"):
        assert part in result.stderr
    assert b"hunter2" not in result.stderr


def test_module_levels_are_kept_for_both_kinds_of_logger() -> None:
    """LOG_LEVELS raises and lowers single modules, for Loguru callers and stdlib loggers alike."""
    result = run(
        """
        exec(compile("def speak():\\n logger.debug('loguru.debug'); logger.info('loguru.info')", "m", "exec"),
             chatty := {"__name__": "chatty.part", "logger": logger})
        chatty["speak"]()
        logging.getLogger("chatty.other").debug("stdlib.debug")
        logging.getLogger("noisy.sub").info("never"); logging.getLogger("noisy.sub").error("noisy.error")
        logging.getLogger("other").debug("never"); logger.debug("never")
        """,
        environ={"LOG_LEVELS": "chatty=DEBUG,noisy=ERROR"},
    )
    assert [line["message"] for line in result.lines] == [
        "loguru.debug",
        "loguru.info",
        "stdlib.debug",
        "noisy.error",
    ]


def test_a_sink_that_raises_harms_nobody() -> None:
    """The caller goes on, the other sinks get the event, and the fault is reported."""
    result = run(
        """
        def broken(event): raise ValueError("sink")
        got = []
        logkit.add_sink(broken, name="tracker"); sink_id = logkit.add_sink(lambda event: got.append(event["message"]))
        logger.info("one"); logkit.remove_sink(sink_id); logger.info("two")
        logger.bind(got=got).info("done")
        """
    )
    assert "one" in result.only("done")["context"]["got"]
    assert "two" not in result.only("done")["context"]["got"]
    failed = result.find("logkit.sink_failed")
    assert failed[0]["context"]["sink"] == "tracker"
    assert result.code == 0


def test_an_environment_with_utf8_off_still_writes_utf8() -> None:
    """The bytes do not depend on the locale."""
    result = run(
        "logger.bind(v='na\\u00efve').info('sp\\u00e4ter')",
        environ={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
    )
    assert result.lines[0]["message"] == "später"
    assert result.lines[0]["context"]["v"] == "naïve"
    assert os.linesep.encode() not in result.stdout[:-1]


def test_p03_names_of_loggers_and_threads_are_scrubbed() -> None:
    """A library that names a logger or a thread after an address or a token."""
    result = run(
        """
        logging.getLogger("mail.someone@example.org").warning("name.used")
        thread = threading.Thread(target=lambda: logger.info("thread.used"), name="poll-someone@example.org")
        thread.start(); thread.join()
        """
    )
    assert b"someone@" not in result.stdout
    assert len(result.lines) == 2


def test_a_replaced_core_patcher_costs_no_line_and_no_context() -> None:
    """Somebody's logger.configure(patcher=...) takes ours away: lines still come, with their context."""
    result = run(
        """
        logger.configure(patcher=lambda record: None)
        logkit.bind_context(circle_id=7)
        logger.info("from.loguru"); logging.getLogger("lib").warning("from.stdlib")
        """
    )
    assert [line["message"] for line in result.lines] == ["from.loguru", "from.stdlib"]
    assert {line["context"]["circle_id"] for line in result.lines} == {7}
