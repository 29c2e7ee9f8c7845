"""One module to its findings."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

from logkit.lint.audited import unaudited_writes
from logkit.lint.calls import Calls
from logkit.lint.config import Config
from logkit.lint.loggers import Loggers
from logkit.lint.rules import RULES
from logkit.lint.survey import Place, survey

_SUPPRESSION = re.compile(r"#\s*logkit:\s*ignore\[([A-Z0-9,\s]*)\]\s*(.*)")
_TELLING = re.compile(rb"logg|loguru|logkit|audit")  # no module without one of these has anything to be found
_NO_CODE = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT})


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One problem; lines and columns count from 1, columns in characters. `statement` is where it can be suppressed."""

    path: str
    line: int
    column: int
    code: str
    detail: str
    end_line: int
    statement: tuple[int, int]

    @property
    def text(self) -> str:
        rule = RULES[self.code]
        return f"{rule.summary}{f' ({self.detail})' if self.detail else ''}; instead: {rule.instead}"


@dataclass(slots=True)
class Suppression:
    line: int
    codes: frozenset[str]
    reason: str
    about: int = 0  # the line of code below; 0 where the comment stands behind its code
    used: bool = False


def check(source: bytes, path: str, config: Config) -> list[Finding]:
    """The findings in `source`, in order; suppressed and ignored ones left out. Raises nothing."""
    if not _TELLING.search(source) and not any(name.encode() in source for name in config.telling):
        return []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in the source, which are not ours to judge
            module = ast.parse(source, path)
        findings = [
            finding for finding in _findings(module, path, config) if finding.code not in config.ignore
        ]
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        detail = getattr(error, "msg", None) or str(error) or "nested too deeply"
        return (
            [] if "LK000" in config.ignore else [Finding(path, line, 1, "LK000", detail, line, (line, line))]
        )
    suppressions = list(_suppressions(source)) if b"logkit:" in source else []
    findings = [finding for finding in findings if not _is_suppressed(finding, suppressions)]
    findings += _faults_of(suppressions, path, config)
    return sorted(_in_characters(source, finding) for finding in findings)


def _findings(module: ast.Module, path: str, config: Config) -> Iterator[Finding]:
    found = survey(module)
    loggers = Loggers(found, config.logger_objects)

    def at(node: ast.expr, code: str, detail: str, place: Place) -> Finding:
        end = node.end_lineno or node.lineno
        return Finding(path, node.lineno, node.col_offset + 1, code, detail, end, place.lines)

    if loggers:
        for node, code, detail, place in Calls(found, loggers, config).problems():
            yield at(node, code, detail, place)
    for call, model, place in unaudited_writes(found, loggers, config):
        yield at(call, "LK401", model, place)


# Suppressions


def _suppressions(source: bytes) -> Iterator[Suppression]:
    """Each with the line it speaks of: its own, or, where it has that for itself, the next one with code."""
    above: list[Suppression] = []
    try:
        for token in tokenize.tokenize(io.BytesIO(source).readline):
            if token.type == tokenize.COMMENT and (match := _SUPPRESSION.search(token.string)):
                codes = frozenset(code.strip() for code in match[1].split(",") if code.strip())
                found = Suppression(token.start[0], codes, match[2].strip())
                if token.line.lstrip().startswith("#"):
                    above.append(found)
                yield found
            elif token.type not in _NO_CODE:
                for each in above:
                    each.about = token.start[0]
                above = []
    except (tokenize.TokenError, SyntaxError):
        return


def _is_suppressed(finding: Finding, suppressions: list[Suppression]) -> bool:
    for each in suppressions:
        first, last = finding.statement
        if first <= (each.about or each.line) <= last and finding.code in each.codes:
            each.used = True
            return bool(each.reason)
    return False


def _faults_of(suppressions: list[Suppression], path: str, config: Config) -> Iterator[Finding]:
    for each in suppressions:
        here = (each.line, each.line)
        needless = (
            not each.used and not each.codes & config.ignore
        )  # a rule that is off suppresses nothing anyway
        for code, is_wrong in (("LK001", not each.reason), ("LK002", needless)):
            if is_wrong and code not in config.ignore:
                yield Finding(path, each.line, 1, code, ", ".join(sorted(each.codes)), each.line, here)


def _in_characters(source: bytes, finding: Finding) -> Finding:
    """With its column in characters; the syntax tree counts bytes of UTF-8."""
    if source.isascii():
        return finding
    encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    line = source.splitlines()[finding.line - 1].decode(encoding, "replace").encode()
    return replace(finding, column=len(line[: finding.column - 1].decode("utf-8", "replace")) + 1)
