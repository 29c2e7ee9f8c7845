"""What the environment may say: typed, frozen, every bad variable reported at once.

Each setting states its variable, default, parser and meaning in one place: `LogSettings.from_env()` reads them,
and the reference page is generated from the same statements.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self, TypeVar, cast

from logkit import parsers
from logkit.errors import ConfigError
from logkit.parsers import Network, Rate, Rotation, Secret

T = TypeVar("T")

DEVELOPMENT_KEY = Secret("logkit-development-key-never-for-real-data")
RELAXED_ENVIRONMENTS = ("dev", "test")
_PREFIXES = ("LOG_", "AUDIT_")


@dataclass(frozen=True, slots=True)
class Variable:
    """How one setting is spelt in the environment."""

    name: str
    default: str | None
    parse: Callable[[str], Any]
    meaning: str
    secret: bool = False


def _var(
    name: str, default: str | None, parse: Callable[[str], T], meaning: str, *, secret: bool = False
) -> T:
    """A dataclass field that knows its variable; `default` is written as in the environment, or None."""
    variable = Variable(name, default, parse, meaning, secret)
    value = None if default is None else parse(default)
    return cast(T, field(default=value, repr=not secret, metadata={"variable": variable}))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings:
    """The audit trail: where it is, how it rotates, how long it is kept."""

    enabled: bool = _var("AUDIT", "on", parsers.switch, "the audit trail; off only in dev and test")
    directory: Path = _var("AUDIT_DIR", "var/audit", parsers.path, "the ledger, one directory per stream")
    spool_directory: Path = _var(
        "AUDIT_SPOOL_DIR",
        "var/audit-spool",
        parsers.path,
        "where events wait when the ledger cannot be written",
    )
    key_directory: Path = _var("AUDIT_KEY_DIR", "var/audit-keys", parsers.path, "the sealing keys, mode 0600")
    rotation: Rotation = _var("AUDIT_ROTATION", "50 MB or 1 day", parsers.rotation, "when a segment is full")
    retention: tuple[tuple[str, timedelta], ...] = _var(
        "AUDIT_RETENTION",
        "security=365 days,compliance=1095 days,access=180 days",
        parsers.pairs(parsers.period, "security=365 days,access=180 days"),
        "how long each stream is kept",
    )
    retention_apply: bool = _var("AUDIT_RETENTION_APPLY", "on", parsers.switch, "apply the retention daily")
    fsync: str = _var(
        "AUDIT_FSYNC",
        "always",
        parsers.one_of("always", "interval", "never"),
        "when an event is made durable",
    )
    file_mode: int = _var("AUDIT_FILE_MODE", "0640", parsers.mode, "mode of the segments")
    group: str | None = _var("AUDIT_GROUP", None, parsers.text, "group that owns the segments")
    level: str = _var(
        "AUDIT_LEVEL",
        "info",
        parsers.one_of(*parsers.SEVERITIES),
        "least severity recorded; closed events are always recorded",
    )
    outbox: bool = _var(
        "AUDIT_OUTBOX", "off", parsers.switch, "deferred events pass through a table in the same transaction"
    )
    fail_open_until: datetime | None = _var(
        "AUDIT_FAIL_OPEN_UNTIL",
        None,
        parsers.moment,
        "break-glass: until then, at most an hour ahead, an unwritable trail stops nothing",
    )

    def retention_of(self, stream: str) -> timedelta:
        """How long `stream` is kept; a stream that is not named keeps its default."""
        return dict(self.retention).get(stream) or dict(AuditSettings().retention)[stream]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """Everything `configure()` needs to know."""

    level: str = _var("LOG_LEVEL", "INFO", parsers.level, "least level that goes out")
    levels: tuple[tuple[str, str], ...] = _var(
        "LOG_LEVELS",
        "",
        parsers.pairs(parsers.level, "django.db.backends=WARNING,messaging=DEBUG"),
        "levels of single modules",
    )
    stdout: bool = _var("LOG_STDOUT", "on", parsers.switch, "the stdout sink")
    format: str = _var(
        "LOG_FORMAT",
        "auto",
        parsers.one_of("auto", "json", "console"),
        "shape of stdout; auto is console on a terminal, else json",
    )
    schema: str = _var("LOG_SCHEMA", "logkit", parsers.one_of("logkit", "ecs"), "names of the JSON members")
    stdout_mode: str = _var(
        "LOG_STDOUT_MODE",
        "direct",
        parsers.one_of("direct", "buffered"),
        "write in the caller, or through a bounded queue and a writer thread",
    )
    file: Path | None = _var("LOG_FILE", None, parsers.path, "also write JSON lines to this file")
    file_rotation: Rotation = _var("LOG_FILE_ROTATION", "100 MB", parsers.rotation, "when the file is full")
    file_retention: timedelta = _var(
        "LOG_FILE_RETENTION", "14 days", parsers.period, "how long rotated files are kept"
    )
    otlp: bool = _var(
        "LOG_OTLP", "off", parsers.switch, "also send lines to the collector that OTEL_EXPORTER_OTLP_* names"
    )
    service: str = _var("LOG_SERVICE", "mysite", parsers.text, "name of the service")
    environment: str = _var(
        "LOG_ENVIRONMENT",
        "production",
        parsers.text,
        "where it runs; only dev and test relax the safety rules",
    )
    release: str | None = _var("LOG_RELEASE", None, parsers.text, "version that runs")
    max_line_bytes: int = _var(
        "LOG_MAX_LINE_BYTES",
        "16384",
        parsers.integer(1024, 1_048_576),
        "longest line; longer ones are shortened",
    )
    fast_lane: str = _var(
        "LOG_FAST_LANE", "auto", parsers.one_of("auto", "off"), "plain calls past Loguru's record machinery"
    )
    redact_keys: tuple[str, ...] = _var("LOG_REDACT_KEYS", "", parsers.words, "further sensitive words")
    redact_allow: tuple[str, ...] = _var(
        "LOG_REDACT_ALLOW", "", parsers.words, "keys that are never redacted"
    )
    pseudonym_key: Secret | None = _var(
        "LOG_PSEUDONYM_KEY",
        None,
        parsers.key,
        "key of the pseudonyms; dev and test have one of their own",
        secret=True,
    )
    client_ip: str = _var(
        "LOG_CLIENT_IP", "full", parsers.one_of("full", "truncated", "off"), "how client addresses are logged"
    )
    trusted_proxies: tuple[Network, ...] = _var(
        "LOG_TRUSTED_PROXIES", "", parsers.networks, "peers whose X-Forwarded-For is believed"
    )
    quiet_paths: tuple[str, ...] = _var(
        "LOG_QUIET_PATHS", "/healthz,/readyz,/static/*", parsers.words, "paths whose fine requests are DEBUG"
    )
    sample: tuple[tuple[str, float], ...] = _var(
        "LOG_SAMPLE",
        "",
        parsers.pairs(parsers.fraction, "request.finished=0.1"),
        "share of an event that is kept",
    )
    rate_limit: Rate | None = _var(
        "LOG_RATE_LIMIT", None, parsers.rate, "most lines per level and event; ERROR and above are exempt"
    )
    task_chatter: str = _var(
        "LOG_TASK_CHATTER",
        "fold",
        parsers.one_of("fold", "show"),
        "what Celery and Django say themselves of what task.* and worker.* events say",
    )
    task_cache: str = _var(
        "LOG_TASK_CACHE",
        "default",
        parsers.text,
        "alias in CACHES, through which the context reaches tasks of Django's own framework",
    )
    audit: AuditSettings = field(default_factory=AuditSettings)
    unknown: tuple[str, ...] = ()  # variables that look like ours and are not

    @classmethod
    def from_env(cls, environ: Mapping[str, str], *, base_dir: Path | None = None) -> Self:
        """Read every variable of `environ`; relative paths resolve against `base_dir`.

        Raises `ConfigError` naming every variable that cannot be used, with what is allowed.
        """
        faults: list[str] = []
        audit = _read(AuditSettings, environ, faults)
        values = _read(cls, environ, faults)
        if faults:
            raise ConfigError(faults)
        settings = cls(**values, audit=AuditSettings(**audit), unknown=tuple(_unknown(environ)))
        return settings.checked(base_dir=base_dir)

    def checked(self, *, base_dir: Path | None) -> Self:
        """The same settings with absolute paths and the development key where it is allowed.

        Raises `ConfigError` for what is not allowed in this environment, or contradicts itself.
        """
        relaxed = self.environment in RELAXED_ENVIRONMENTS
        faults = [*self._contradictions(relaxed)]
        resolve = _resolver(base_dir, relaxed, faults)
        audit = self.audit
        resolved = replace(
            self,
            pseudonym_key=self.pseudonym_key or (DEVELOPMENT_KEY if relaxed else None),
            file=self.file and resolve("LOG_FILE", self.file),
            audit=replace(
                audit,
                directory=resolve("AUDIT_DIR", audit.directory) if audit.enabled else audit.directory,
                spool_directory=resolve("AUDIT_SPOOL_DIR", audit.spool_directory)
                if audit.enabled
                else audit.spool_directory,
                key_directory=resolve("AUDIT_KEY_DIR", audit.key_directory)
                if audit.enabled
                else audit.key_directory,
            ),
        )
        if resolved.file and not _can_be_made(resolved.file):
            faults.append(
                f"LOG_FILE is {str(resolved.file)!r}, where no file can be written: give another path"
            )
        if faults:
            raise ConfigError(faults)
        return resolved

    def _contradictions(self, relaxed: bool) -> Iterator[str]:
        where = f"LOG_ENVIRONMENT is {self.environment!r}"
        if not relaxed and self.pseudonym_key in (None, DEVELOPMENT_KEY):
            yield (
                f"LOG_PSEUDONYM_KEY is not set and {where}: set it (or LOG_PSEUDONYM_KEY_FILE) to a secret of at least "
                "32 characters; only dev and test have a key of their own"
            )
        if not relaxed and not self.audit.enabled:
            yield f"AUDIT is off and {where}: only dev and test may run without an audit trail"
        until = self.audit.fail_open_until
        if until and until > datetime.now(UTC) + timedelta(hours=1):
            yield f"AUDIT_FAIL_OPEN_UNTIL is {until.isoformat()}: at most one hour ahead is allowed"
        for stream, _ in self.audit.retention:
            if stream not in parsers.STREAMS:
                yield f"AUDIT_RETENTION names {stream!r}: the streams are {', '.join(parsers.STREAMS)}"


def variables() -> Iterator[tuple[str, Variable]]:
    """Every setting with its variable, in the order of the reference page."""
    for settings_class in (LogSettings, AuditSettings):
        for setting in _settable(settings_class):
            yield setting.name, setting.metadata["variable"]


def _settable(settings_class: type[Any]) -> Iterator[Field[Any]]:
    return (setting for setting in fields(settings_class) if "variable" in setting.metadata)


def _read(settings_class: type[Any], environ: Mapping[str, str], faults: list[str]) -> dict[str, Any]:
    """The values that `environ` gives; an empty variable counts as unset. Adds what is wrong to `faults`."""
    values: dict[str, Any] = {}
    for setting in _settable(settings_class):
        variable: Variable = setting.metadata["variable"]
        try:
            given = _given(variable, environ)
            if given:
                values[setting.name] = variable.parse(given)
        except OSError as error:
            faults.append(
                f"{variable.name}_FILE cannot be read ({error.strerror}): {environ[variable.name + '_FILE']!r}"
            )
        except ValueError as error:
            shown = "has a value that" if variable.secret else f"is {_shown(given)}, which"
            faults.append(f"{variable.name} {shown} is not allowed; give {error}")
    return values


def _given(variable: Variable, environ: Mapping[str, str]) -> str:
    if variable.secret and not environ.get(variable.name) and (file := environ.get(variable.name + "_FILE")):
        return Path(file).read_text(encoding="utf-8").strip()
    return environ.get(variable.name, "")


def _shown(value: str) -> str:
    return repr(value if len(value) <= 80 else value[:77] + "...")


def _resolver(base_dir: Path | None, relaxed: bool, faults: list[str]) -> Callable[[str, Path], Path]:
    def resolve(name: str, path: Path) -> Path:
        if path.is_absolute():
            return path
        if base_dir is None and not relaxed:
            faults.append(
                f"{name} is {str(path)!r}, a relative path with nothing to resolve it against: give an absolute path"
            )
        return (base_dir or Path.cwd()) / path

    return resolve


def _can_be_made(path: Path) -> bool:
    """Whether a file could be written there, as far as one can tell without writing it."""
    if path.exists():
        return path.is_file() and os.access(path, os.W_OK)
    nearest = next((parent for parent in path.parents if parent.exists()), path)
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def _unknown(environ: Mapping[str, str]) -> Iterator[str]:
    """A sentence for every variable that looks like ours and is none, with the nearest known name."""
    known = [variable.name for _, variable in variables()]
    known += [variable.name + "_FILE" for _, variable in variables() if variable.secret]
    for name in sorted(environ):
        if name.startswith(_PREFIXES) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            yield f"{name}: did you mean {near[0]}?" if near else name
