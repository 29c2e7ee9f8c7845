"""No rule is worse than linear, whatever is thrown at it. (P04)"""

from __future__ import annotations

import time

import pytest

from logkit.redact import Redactor
from logkit.redact.keys import KeyRules
from logkit.redact.rule import Rule
from logkit.redact.values import ValueRules

RULES = ValueRules(KeyRules().verdict).rules
LETTERS = list("aA01+-=:@._/\\\"' \t\n%&<([{)$|#é")
# `·` is a space; `|` and the end of a line stand between two.
BEGINNINGS = (
    """
%40|a.|a-|a@|a:|a=|a'|a,|://|a://b:|a://b:c@|password|password=|password="|password='|password=\\"
password={|password=[|password=(|password:·|"password":"|'password',|['password','|["ab",'
--password·|-----BEGIN·PRIVATE·KEY-----|eyJ|eyJhbGciOiJ9.|ghp_|sk-|sk-a-|xai-|fw-a|xoxb-|AAAA|0·|1-
+1|+1·|001·|4·|41|4111·|1.|GB82|GB82·|123-45-|Bearer·|bearer·a|Basic·|digest·a=b,|Authorization:·
Authorization:·Digest·a=|Cookie:·a=|a=b;|a=b;·|<a>|<password>|<password·|Key·(a)=(|Key·(token)=(
insert·into·t·(a)·values·(|insert·into·t·(a)·values·('|name="password"|name="a"\\r\\n
name='password'·value='|login·a·password·|;·args=(|[parameters:·(|Failing·row·contains·(
Duplicate·entry·'|mysql·-p|docker·|-u·a:|otp·|verification·code·|code·is·|password·is·
password·for·a:|password·was·changed·to·|token·|session·|identified·by·'|AUTH·PLAIN·|PASS·
h:5432:a:b:|/a/b-|/aaaaaaa-|a:aaaaaa:|$2b$|argon2$|{SSHA}|jdbc:oracle:thin:a/|a:b@tcp(|a:b@
hooks.slack.com/services/|123456789:AA|%22password%22:|&quot;password&quot;:&quot;|\\n|\\\\"|\\"
password=\\|password=a,|password=a;|password=a&|password=;a|password=a'b|ssn·|password=é|[REDACTED]
[REDACTED|'a':{'password':{|(((|'(|"[|password=("|a%3D|password%3D|api·key:·|key:·|sl.|t1.|1/
(0.001)·|(0.001)·a;|"kty"·"d":"|Private-Lines:·1\\n|"a"·==·password|Token(key=|"a"."key"·=·|<key>a</key><a
ENV·TOKEN·|a\\n··input_value=|1234·is·your·|use·code·1234·|код·|пароль·|password·from·|identified·by·'a|login("a",·"
phone·(|(415)·|/invite/|/reset/a/|?t=|password:·str·=·"|password:·!vault·|token:·<|ldapa·-w·|name:·password\\n·value:·
password=${|password={{|password=<|password=self.a(|password=f(|mac="
""".strip()
    .replace("·", " ")
    .replace("\n", "|")
    .split("|")
)


def _seconds(rule: Rule, text: str) -> float:
    started = time.process_time()
    rule.apply(text)
    return time.process_time() - started


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_p04_every_rule_is_linear(rule: Rule) -> None:
    """Four times the text costs about four times as much, not sixteen."""
    for unit in LETTERS + BEGINNINGS:
        size = 4_000 // len(unit)
        ratio = 0.0
        for _ in range(4):  # a busy machine may spoil one measurement, not all of them
            large = _seconds(rule, unit * size * 4)
            if large < 0.005:  # 300 ns a character, where quadratic growth would show
                break
            ratio = large / max(_seconds(rule, unit * size), 1e-6)
            if ratio < 8:
                break
        else:
            pytest.fail(f"{rule.name}: {unit!r} grows by {ratio:.1f}")


@pytest.mark.parametrize(
    "unit", ["a", "password=", 'password="', "a://b:c@", "{'a':", "0 ", "x@", "eyJhbGciOiJ9."]
)
def test_p04_a_megabyte_of_it(unit: str) -> None:
    """Twice a hostile megabyte costs about twice as much as one."""
    redactor = Redactor()

    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        started = time.process_time()
        redactor.text(text)
        return time.process_time() - started

    ratios = []
    for _ in range(3):
        ratios.append(seconds(1_000_000) / max(seconds(500_000), 0.001))
        if ratios[-1] < 3:
            break
    assert min(ratios) < 3, ratios


def test_p04_nested_and_wide_values_are_cut() -> None:
    """Depth, width and the number of nodes are bounded."""
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    wide = {f"k{number}": [number] * 1000 for number in range(10_000)}
    shown = Redactor().fields({"deep": deep, "wide": wide})
    assert len(str(shown)) < 200_000
