"""`logkit explain-redaction`: why something is hidden. `logkit pseudonym`: how a person is called in the logs."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from logkit.redact import Pseudonyms, Redactor, keys
from logkit.redact.pseudonym import KINDS
from logkit.settings import LogSettings

_VERDICTS = {
    keys.PLAIN: "stays; the value rules still look at its value",
    keys.SECRET: "is hidden, with everything below it; booleans and None stay",
    keys.COUNT: "is hidden, with everything below it; a bare number is a count and stays",
    keys.TOKEN: "is hidden when its value looks like a random token",
    keys.CONTACT: "is hidden when its value is an address or a number to call",
    keys.STATEMENT: "stays without what stands in quotes in the statement",
    keys.PARAMETERS: "stays, except beside a statement; the value rules still look at its value",
    keys.REFERENCE: "is hidden, except when its value is a pseudonym",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    if parser.prog.endswith("pseudonym"):
        _add_pseudonym_arguments(parser)
    else:
        _add_redaction_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Explain: 0 when something is hidden, else 1. Pseudonym: 0. Raises `ConfigError` for a bad environment."""
    if args.verb == "pseudonym":
        return _run_pseudonym(args)
    return _run_keys(args) if args.key else _run_texts(args)


def _add_redaction_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Show what would be hidden of a text, and by which rule.\n"
        "LOG_REDACT_KEYS and LOG_REDACT_ALLOW of the environment count."
    )
    parser.epilog = (
        "examples:\n"
        "  logkit explain-redaction 'login password=abc from jane@example.org'\n"
        "  logkit explain-redaction --key api_key_id --key userPassword\n"
        "  tail -n 100 app.log | logkit explain-redaction -\n\n"
        "exit status: 0 something is hidden, 1 nothing is, 2 wrong options or environment"
    )
    parser.set_defaults(verb="explain-redaction")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("text", nargs="?", metavar="TEXT", help="the text; - reads lines from standard input")
    what.add_argument("--key", action="append", metavar="NAME", help="judge the name of a field instead")
    parser.add_argument("--json", action="store_true", help="one JSON object for each text or key")


def _add_pseudonym_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "The pseudonym that stands in the logs for an e-mail address, a telephone number, a session or a token.\n"
        "The key is LOG_PSEUDONYM_KEY or LOG_PSEUDONYM_KEY_FILE of the environment."
    )
    parser.epilog = (
        "examples:\n"
        "  logkit pseudonym email jane@example.org\n"
        "  logkit pseudonym session - < session-id.txt\n"
        "  logkit pseudonym email jane@example.org --old-key-file var/keys/2025 | xargs -I{} grep {} app.log\n\n"
        "exit status: 0 shown, 2 wrong options or environment"
    )
    parser.set_defaults(verb="pseudonym")
    parser.add_argument("kind", metavar="KIND", choices=KINDS, help=", ".join(KINDS))
    parser.add_argument("value", metavar="VALUE", help="the value; - reads it from standard input")
    parser.add_argument(
        "--old-key-file",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="also the pseudonym under this earlier key",
    )


def _run_pseudonym(args: argparse.Namespace) -> int:
    key = _settings().pseudonym_key
    assert key is not None  # the settings refuse to be read without one
    old = [path.read_text(encoding="utf-8").strip() for path in args.old_key_file]
    value = sys.stdin.read().strip() if args.value == "-" else args.value
    for pseudonym in Pseudonyms(key.reveal(), old_keys=old).all_of(args.kind, value):
        sys.stdout.write(f"{pseudonym}\n")
    return 0


def _run_keys(args: argparse.Namespace) -> int:
    redactor = _redactor()
    hides = False
    for name in args.key:
        verdict = redactor.verdict(name)
        hides |= verdict not in (keys.PLAIN, keys.PARAMETERS)
        if args.json:
            _print(
                json.dumps(
                    {
                        "key": name,
                        "hidden": verdict not in (keys.PLAIN, keys.PARAMETERS),
                        "meaning": _VERDICTS[verdict],
                    }
                )
            )
        else:
            _print(f"{name} {_VERDICTS[verdict]}")
    return 0 if hides else 1


def _run_texts(args: argparse.Namespace) -> int:
    redactor = _redactor()
    hides = False
    for text in _lines(args.text):
        found = list(redactor.explain(text))
        hides |= bool(found)
        for line in _told(redactor.text(text), found, as_json=args.json):
            _print(line)
    return 0 if hides else 1


def _told(shown: str, found: list[tuple[str, str, str]], *, as_json: bool) -> Iterator[str]:
    if as_json:
        rules = [{"rule": rule, "hides": _hint(what), "shows": instead} for rule, what, instead in found]
        yield json.dumps({"text": shown, "hidden": rules})
        return
    yield shown
    width = max((len(rule) for rule, _, _ in found), default=0)
    for rule, what, instead in found:
        yield f"  {rule:<{width}}  {_hint(what)} -> {instead}"
    if not found:
        yield "  nothing is hidden"


def _hint(what: str) -> str:
    """Enough to find it again, too little to use it: this output may end up in a log itself."""
    size = "1 character" if len(what) == 1 else f"{len(what)} characters"
    return f"{what[:2]}… ({size})" if len(what) > 6 else f"({size})"


def _lines(text: str) -> Iterable[str]:
    return (line.rstrip("\n") for line in sys.stdin) if text == "-" else (text,)


def _settings() -> LogSettings:
    return LogSettings.from_env(os.environ, base_dir=Path.cwd())


def _redactor() -> Redactor:
    """Only two variables count, so that a text can be explained where the rest is not configured."""
    given = {name: os.environ[name] for name in ("LOG_REDACT_KEYS", "LOG_REDACT_ALLOW") if name in os.environ}
    settings = LogSettings.from_env({**given, "LOG_ENVIRONMENT": "test"}, base_dir=Path.cwd())
    return Redactor(extra_keys=settings.redact_keys, allow_keys=settings.redact_allow)


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
