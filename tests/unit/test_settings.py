"""Settings: what the environment may say, and what is said when it says something else."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from logkit import parsers
from logkit.errors import ConfigError
from logkit.parsers import Rate, Rotation
from logkit.settings import LogSettings, variables

DEV = {"LOG_ENVIRONMENT": "dev"}
KEY = "k" * 32
ROOT = Path("/srv/app")


def faults_of(environ: dict[str, str], **options: object) -> str:
    with pytest.raises(ConfigError) as caught:
        LogSettings.from_env(environ, **options)
    return str(caught.value)


def test_defaults_are_the_documented_ones() -> None:
    """An empty environment in dev gives every documented default."""
    settings = LogSettings.from_env(DEV, base_dir=ROOT)
    assert (settings.level, settings.format, settings.stdout_mode, settings.max_line_bytes) == (
        "INFO",
        "auto",
        "direct",
        16384,
    )
    assert settings.audit.rotation == Rotation(size=50_000_000, seconds=86_400)
    assert settings.audit.retention_of("compliance") == timedelta(days=1095)
    assert settings.audit.directory == ROOT / "var/audit"
    assert settings.quiet_paths == ("/healthz", "/readyz", "/static/*")


def test_every_fault_is_reported_at_once() -> None:
    """One start shows every variable that cannot be used, with what is allowed."""
    said = faults_of(
        DEV | {"LOG_LEVEL": "LOUD", "AUDIT_FILE_MODE": "0666", "LOG_SAMPLE": "x", "AUDIT_FSYNC": "no"}
    )
    assert "4 faults" in said
    for part in (
        "LOG_LEVEL is 'LOUD'",
        "CRITICAL",
        "AUDIT_FILE_MODE is '0666'",
        "0640",
        "LOG_SAMPLE",
        "AUDIT_FSYNC",
    ):
        assert part in said


def test_a_secret_is_never_shown() -> None:
    """Neither a bad secret in the error nor a good one in the repr can be read."""
    said = faults_of(DEV | {"LOG_PSEUDONYM_KEY": "short-secret"})
    assert "LOG_PSEUDONYM_KEY" in said
    assert "short-secret" not in said
    settings = LogSettings.from_env(DEV | {"LOG_PSEUDONYM_KEY": KEY})
    assert KEY not in repr(settings)
    assert KEY not in f"{settings.pseudonym_key} {settings.pseudonym_key!r}"


def test_a_secret_can_come_from_a_file(tmp_path: Path) -> None:
    """LOG_PSEUDONYM_KEY_FILE is read, without its final newline; one that is missing is a fault."""
    file = tmp_path / "key"
    file.write_text(KEY + "\n")
    settings = LogSettings.from_env(DEV | {"LOG_PSEUDONYM_KEY_FILE": str(file)})
    assert settings.pseudonym_key is not None
    assert settings.pseudonym_key.reveal() == KEY
    assert "LOG_PSEUDONYM_KEY_FILE" in faults_of(DEV | {"LOG_PSEUDONYM_KEY_FILE": str(tmp_path / "none")})


def test_production_refuses_what_development_allows() -> None:
    """Unset means production: no key, AUDIT=off and relative paths with nothing to stand on are refused together."""
    said = faults_of({"AUDIT": "off"})
    assert "LOG_PSEUDONYM_KEY is not set" in said
    assert "AUDIT is off" in said
    assert "AUDIT_DIR is 'var/audit', a relative path" in faults_of({"LOG_PSEUDONYM_KEY": KEY})
    assert "LOG_PSEUDONYM_KEY" in faults_of(
        {"LOG_PSEUDONYM_KEY": "logkit-development-key-never-for-real-data"}
    )


def test_production_starts_with_a_key_and_a_base_directory() -> None:
    """What production needs is a key, and absolute paths or a directory to resolve them against."""
    settings = LogSettings.from_env({"LOG_PSEUDONYM_KEY": KEY}, base_dir=ROOT)
    assert settings.environment == "production"
    assert settings.audit.key_directory == ROOT / "var/audit-keys"


def test_break_glass_is_an_hour_at_most() -> None:
    """AUDIT_FAIL_OPEN_UNTIL further ahead than an hour is refused."""
    soon, late = (datetime.now(UTC) + timedelta(minutes=minutes) for minutes in (30, 90))
    assert (
        LogSettings.from_env(DEV | {"AUDIT_FAIL_OPEN_UNTIL": soon.isoformat()}).audit.fail_open_until == soon
    )
    assert "at most one hour" in faults_of(DEV | {"AUDIT_FAIL_OPEN_UNTIL": late.isoformat()})


def test_an_unknown_variable_is_named_with_its_nearest_neighbour() -> None:
    """A misspelt variable does not stop the start: orchestrators inject their own; it is kept for a warning."""
    settings = LogSettings.from_env(DEV | {"LOG_LEVLE": "DEBUG", "LOG_0_Q": "80", "PATH": "/bin"})
    assert settings.unknown == ("LOG_0_Q", "LOG_LEVLE: did you mean LOG_LEVEL?")


def test_an_empty_variable_is_an_unset_one() -> None:
    """Compose files pass variables on as empty strings."""
    assert LogSettings.from_env(DEV | {"LOG_FILE": "", "LOG_LEVEL": ""}) == LogSettings.from_env(DEV)


def test_equal_environments_give_equal_settings() -> None:
    """Equality is what makes a second configure() a no-op."""
    one, other = (LogSettings.from_env(DEV | {"LOG_LEVELS": "a=DEBUG"}) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)


def test_every_variable_has_a_meaning_and_a_default_that_parses() -> None:
    """What the reference page is made of is complete, and no default contradicts its own parser."""
    for _, variable in variables():
        assert variable.meaning
        if variable.default is not None:
            variable.parse(variable.default)


@pytest.mark.parametrize(
    ("parse", "given", "expected"),
    [
        (parsers.size, "50 MB", 50_000_000),
        (parsers.size, "1.5KiB", 1536),
        (parsers.period, "14 days", timedelta(days=14)),
        (parsers.period, "90m", timedelta(minutes=90)),
        (parsers.rotation, "1 day", Rotation(seconds=86_400)),
        (parsers.rotation, "1 day or 5 KB", Rotation(size=5000, seconds=86_400)),
        (parsers.rate, "100/s", Rate(100, 1.0)),
        (parsers.rate, "off", None),
        (parsers.mode, "0640", 0o640),
        (parsers.mode, "600", 0o600),
        (parsers.switch, "Yes", True),
        (parsers.fraction, "0.25", 0.25),
        (parsers.words, " a, ,b ", ("a", "b")),
    ],
)
def test_a_parser_reads(parse: object, given: str, expected: object) -> None:
    """Each kind of setting reads its usual spellings."""
    assert parse(given) == expected


@pytest.mark.parametrize(
    ("parse", "given"),
    [
        (parsers.size, "0 MB"),
        (parsers.size, "12 parsecs"),
        (parsers.period, "-1 day"),
        (parsers.period, "999999999999999 weeks"),
        (parsers.rotation, "1 day or 2 days"),
        (parsers.rate, "0/s"),
        (parsers.rate, "5/y"),
        (parsers.mode, "0777"),
        (parsers.mode, "0060"),
        (parsers.mode, "rw-r--r--"),
        (parsers.switch, "perhaps"),
        (parsers.fraction, "1.1"),
        (parsers.fraction, "nan"),
        (parsers.networks, "10.0.0.0/99"),
        (parsers.moment, "2026-01-01T00:00:00"),
        (parsers.integer(1, 5), "6"),
        (parsers.integer(1, 5), "½"),
        (parsers.pairs(parsers.level, "a=INFO"), "a=LOUD"),
    ],
)
def test_a_parser_refuses(parse: object, given: str) -> None:
    """What is not allowed is refused with a word on what is."""
    with pytest.raises(ValueError, match=r"\w+"):
        parse(given)
