"""Every variable of the environment: in the code, on the page, and with an effect that a test shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from logkit.settings import variables

PROJECT = Path(__file__).parents[3]
SETTINGS = PROJECT / "docs" / "reference" / "settings.md"

_OURS = "tests/unit/docs/test_effects.py::"
_LINES = "tests/integration/test_lines.py::"
# A variable, and the test that shows what it does.
EFFECTS = {
    "LOG_LEVEL": _OURS + "test_what_is_below_the_level_is_not_said",
    "LOG_LEVELS": _LINES + "test_module_levels_are_kept_for_both_kinds_of_logger",
    "LOG_STDOUT": _LINES + "test_l15_without_stdout_the_traceback_goes_to_stderr",
    "LOG_FORMAT": _OURS + "test_the_shape_of_stdout",
    "LOG_SCHEMA": "tests/unit/test_tail.py::test_lines_of_our_own_ecs_schema",
    "LOG_STDOUT_MODE": _LINES + "test_l17_what_was_accepted_is_out_at_exit",
    "LOG_FILE": "tests/unit/test_gate.py::test_buffered_stdout_and_a_file_hold_the_same_lines",
    "LOG_FILE_ROTATION": _OURS + "test_a_file_is_rotated_and_what_is_old_goes",
    "LOG_FILE_RETENTION": _OURS + "test_a_file_is_rotated_and_what_is_old_goes",
    "LOG_OTLP": "tests/integration/test_otlp.py::test_a_line_is_a_log_record",
    "LOG_SERVICE": _OURS + "test_a_line_says_whose_it_is_and_how_long_it_may_be",
    "LOG_ENVIRONMENT": "tests/unit/test_settings.py::test_production_refuses_what_development_allows",
    "LOG_RELEASE": _OURS + "test_a_line_says_whose_it_is_and_how_long_it_may_be",
    "LOG_MAX_LINE_BYTES": _OURS + "test_a_line_says_whose_it_is_and_how_long_it_may_be",
    "LOG_FAST_LANE": "tests/unit/test_fastlane.py::test_the_setting_decides_and_off_is_a_clean_removal",
    "LOG_REDACT_KEYS": "tests/unit/test_redact_explain.py::test_keys_are_judged_with_the_configuration",
    "LOG_REDACT_ALLOW": "tests/unit/test_redact_explain.py::test_keys_are_judged_with_the_configuration",
    "LOG_PSEUDONYM_KEY": "tests/unit/test_redact_explain.py::test_the_pseudonym_to_look_for",
    "LOG_PSEUDONYM_KEY_FILE": "tests/unit/test_settings.py::test_a_secret_can_come_from_a_file",
    "LOG_CLIENT_IP": _OURS + "test_a_request_as_the_environment_wants_it",
    "LOG_TRUSTED_PROXIES": "tests/apps/project/test_limits.py::test_a_call_is_counted_for_the_client_of_the_log",
    "LOG_QUIET_PATHS": _OURS + "test_a_request_as_the_environment_wants_it",
    "LOG_SAMPLE": "tests/unit/test_gate.py::test_sampled_lines_say_their_share_and_warnings_always_pass",
    "LOG_RATE_LIMIT": "tests/unit/test_gate.py::test_a_rate_limited_process_accounts_for_every_line",
    "LOG_TASK_CHATTER": _OURS + "test_celerys_own_words_come_back",
    "LOG_TASK_CACHE": "tests/integration/test_django_tasks.py::"
    "test_a_cache_that_workers_do_not_share_is_found_by_a_check",
    "AUDIT": "tests/unit/audit_events/test_emit.py::test_audit_off_says_so",
    "AUDIT_DIR": _OURS + "test_where_the_trail_is_and_whose",
    "AUDIT_SPOOL_DIR": _OURS + "test_where_the_trail_is_and_whose",
    "AUDIT_KEY_DIR": _OURS + "test_where_the_trail_is_and_whose",
    "AUDIT_ROTATION": "tests/unit/audit_events/test_chores.py::test_what_is_over_is_removed_with_a_receipt",
    "AUDIT_RETENTION": "tests/unit/audit_events/test_chores.py::test_what_is_over_is_removed_with_a_receipt",
    "AUDIT_RETENTION_APPLY": "tests/unit/audit_events/test_chores.py::"
    "test_nothing_is_removed_where_that_is_switched_off",
    "AUDIT_FSYNC": _OURS + "test_when_an_event_is_made_durable",
    "AUDIT_FILE_MODE": _OURS + "test_where_the_trail_is_and_whose",
    "AUDIT_GROUP": _OURS + "test_where_the_trail_is_and_whose",
    "AUDIT_LEVEL": "tests/unit/audit_events/test_emit.py::test_audit_level_drops_what_is_less_severe",
    "AUDIT_OUTBOX": "tests/integration/test_audit_events_transactions.py::"
    "test_the_outbox_keeps_what_the_trail_could_not_take",
    "AUDIT_FAIL_OPEN_UNTIL": "tests/unit/audit_events/test_action.py::"
    "test_break_glass_lets_the_block_run_and_is_recorded",
}
_SERVICE = "tests/apps/project/test_settings.py::"
_EACH = _SERVICE + "test_each_variable_has_its_effect"
SERVICE = {
    "VAR_DIR": _SERVICE + "test_sqlite_waits_for_its_turn",
    "SECRET_KEY": _SERVICE + "test_every_fault_is_named_at_once",
    "SECRET_KEY_FILE": _SERVICE + "test_secrets_come_from_files",
    "ALLOWED_HOSTS": _SERVICE + "test_links_in_letters_never_lead_to_localhost",
    "PUBLIC_URL": _SERVICE + "test_links_in_letters_never_lead_to_localhost",
    "DATABASE_URL": _SERVICE + "test_another_database_is_one_variable_away",
    "DATABASE_URL_FILE": _SERVICE + "test_the_database_can_come_from_a_file",
    **dict.fromkeys(
        (
            *("DEBUG", "DEBUG_ROUTES", "CSRF_TRUSTED_ORIGINS", "HSTS_SECONDS", "HSTS_SUBDOMAINS"),
            *("TRUST_FORWARDED_PROTO", "MEMBER_RATE", "ADDRESS_RATE", "CACHE_URL", "CELERY_BROKER_URL"),
            *("EMAIL_HOST", "EMAIL_PORT", "EMAIL_USE_TLS", "EMAIL_HOST_USER", "EMAIL_HOST_PASSWORD"),
            *("EMAIL_HOST_PASSWORD_FILE", "DEFAULT_FROM_EMAIL", "PUSH_GATEWAY_URL", "PUSH_ATTEMPTS"),
            *("PUSH_TIMEOUT_S", "PUSH_BACKOFF_S", "PUSH_BACKOFF_MAX_S"),
        ),
        _EACH,
    ),
    "WEB_PORT": "tests/integration/test_startup.py::test_a_port_in_use_is_one_line",
    "GATEWAY_PORT": "tests/integration/test_startup.py::test_ctrl_c_leaves_no_process_behind",
    **dict.fromkeys(("WEB_BIND", "WEB_CONCURRENCY", "WEB_THREADS"), _SERVICE + "test_gunicorn_is_told"),
}
# Of tools and of others; the pages may name them.
OTHERS = {
    "LOGKIT_CAPTURE": "tests/unit/testing/test_capture.py::test_a_process_that_the_test_starts_is_heard",
    "NO_COLOR": "tests/integration/test_audit_cli.py::test_colour_only_on_a_terminal_and_not_with_no_color",
    "FORCE_COLOR": "tests/unit/test_console.py::test_colour_obeys_the_conventions",
    "COLUMNS": "tests/unit/test_story.py::test_help_reads_as_it_should",
}
ALL = EFFECTS | SERVICE | OTHERS


def declared() -> set[str]:
    """Every variable that logkit reads."""
    return {name for _, each in variables() for name in (each.name, *[f"{each.name}_FILE"] * each.secret)}


def read_by_the_service() -> set[str]:
    """Every variable that the settings, gunicorn's configuration and `make run` read."""
    text = (PROJECT / "mysite" / "settings.py").read_text()
    found = set(re.findall(r'env\.(?:text|read|secret)\(\s*"([A-Z_]+)"', text))
    found |= {f"{name}_FILE" for name in re.findall(r'env\.secret\(\s*"([A-Z_]+)"', text)}
    found |= {f"{name}_FILE" for name in re.findall(r'env\.read\(\s*"([A-Z_]+)".*secret=True', text)}
    gunicorn = (PROJECT / "mysite" / "gunicorn.py").read_text()
    found |= set(re.findall(r'environ\.get\("([A-Z_]+)"', gunicorn))
    found |= set(re.findall(r'"([A-Z]+_PORT)"', (PROJECT / "mysite" / "run.py").read_text()))
    return found - {"LOG_ENVIRONMENT"}


def test_the_pages_of_the_reference_are_what_the_code_says() -> None:
    """`make pages` has nothing to do: settings.md and cli.md."""
    done = subprocess.run(
        [sys.executable, "docs/pages.py", "--check"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_variable_of_the_code_has_a_test_of_its_effect() -> None:
    """And none of the table has gone from the code."""
    assert set(EFFECTS) == declared()
    assert set(SERVICE) == read_by_the_service()


def test_every_variable_is_on_the_page_and_no_other() -> None:
    """docs/reference/settings.md has them all."""
    rows = [line.split("|")[1] for line in SETTINGS.read_text().splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`([A-Z_]+)`", " ".join(rows))) == set(EFFECTS | SERVICE)


@pytest.mark.parametrize("variable", ALL)
def test_the_test_of_its_effect_is_there_and_knows_it(variable: str) -> None:
    """The file has the test, and speaks of the variable, if only in a fixture."""
    file, _, name = ALL[variable].partition("::")
    text = (PROJECT / file).read_text()
    assert f"def {name}(" in text
    stem = variable.removesuffix("_FILE")
    assert stem in text + ENVIRONMENTS.read_text()


ENVIRONMENTS = PROJECT / "tests" / "unit" / "audit_events" / "desk.py"  # what those tests give as environment


@pytest.mark.parametrize(
    "page", sorted((PROJECT / "docs").rglob("*.md")), ids=lambda page: str(page.relative_to(PROJECT))
)
def test_a_page_names_variables_that_there_are(page: Path) -> None:
    """Whatever looks like one of ours, or is set in a command."""
    text = page.read_text()
    named = set(re.findall(r"\b(?:LOG|LOGKIT|AUDIT|WEB|PUSH|EMAIL|HSTS)_[A-Z][A-Z_]*\b(?!\*|\()", text))
    named |= set(re.findall(r"^\$ (?:export )?([A-Z_]+)=", text, re.MULTILINE))
    assert named - set(ALL) == set()
