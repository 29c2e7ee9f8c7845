"""The rules: what each finds, and what to write instead."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    code: str
    name: str
    summary: str
    instead: str


RULES = {
    rule.code: rule
    for rule in (
        Rule(
            "LK000",
            "unreadable",
            "the file cannot be parsed",
            "mend it, or use the Python that it is written for",
        ),
        Rule(
            "LK001",
            "suppression-without-reason",
            "a suppression says no reason",
            "# logkit: ignore[LK101] why this call is right",
        ),
        Rule("LK002", "suppression-unused", "a suppression suppresses nothing", "remove it"),
        Rule(
            "LK101",
            "message-not-literal",
            "the message is no literal, so nobody can search the code for it",
            'logger.bind(state=state).info("keep.moved")',
        ),
        Rule(
            "LK102",
            "message-interpolated",
            "the message is built from values",
            'logger.bind(keep_id=keep.id).info("keep.shared")',
        ),
        Rule(
            "LK103",
            "message-not-event",
            "the message is no event name",
            "noun.verb in lower case: message.sent, keep.processing_failed",
        ),
        Rule(
            "LK104",
            "message-arguments",
            "arguments of the call make Loguru format the message",
            'bind them: logger.bind(rows=3).info("import.finished")',
        ),
        Rule(
            "LK105",
            "stdlib-message-not-event",
            "the message of a standard library logger is no event name",
            'the house call: logger.bind(keep_id=keep.id).info("keep.shared")',
        ),
        Rule(
            "LK201",
            "sensitive-field",
            "a private or secret value as a field",
            "an id, a count, or a pseudonym (..._ref)",
        ),
        Rule(
            "LK202",
            "whole-object",
            "a whole object as a field logs more than anybody checked",
            "the ids and the few values that matter",
        ),
        Rule(
            "LK203",
            "exception-text",
            "exception text as a field may hold anything",
            "logger.opt(exception=error): redacted and with its stack; or exception_type=type(error).__name__",
        ),
        Rule(
            "LK301",
            "log-in-loop",
            "every turn of a loop writes a line at INFO or above",
            "one line after the loop with the counts, or DEBUG",
        ),
        Rule(
            "LK302",
            "log-and-raise",
            "an exception is logged and raised on, so it appears twice",
            "raise; whoever handles it logs it, once",
        ),
        Rule(
            "LK401",
            "bulk-write-unaudited",
            "a bulk write on an audited model leaves no trace in the audit trail",
            "an audit call in the same function",
        ),
        Rule(
            "LK402",
            "event-unknown",
            "the event is not in the catalogue",
            "declare it there, or mend the name",
        ),
    )
}
