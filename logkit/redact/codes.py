"""Value rules for what people are sent to log in with: one-time codes, and passwords in the languages people write.

A code is told by the words around it; digits alone say nothing.
"""

from __future__ import annotations

import re

from logkit.redact import keys
from logkit.redact.marker import HIDDEN
from logkit.redact.rule import FOREIGN, WORDS, Rule, by_pattern
from logkit.redact.value_sense import is_kept

_PURPOSE = (
    r"(?:one[ \-]time|verification|security|log-?in|sign-?in|sms|2fa|mfa|auth|authentication|authorization"
    r"|authorisation|confirmation|access|activation|reset|backup|recovery)"
)
_DIGITS = r"(?:(?:[A-Z]{1,2}-)?\d{3,4}[ \-]?\d{1,5}|\d\d[ \-]\d\d[ \-]\d\d)"
_END = r"(?![\w.\-]*\d)(?!\w)"

# "your verification code is 123456", "OTP 123456"
_BEFORE = re.compile(
    rf"(?i)(?<![\w\-])(?:otp|totp|passcode|pin(?: code)?|[2m]fa(?: token)?"
    rf"|{_PURPOSE}[ \-](?:pass)?(?:code|word|pin|number))"
    r"(?: \((?:otp|totp|pin|2fa|code)\))?"
    r"(?:[ \t]{1,4}(?:is|was|of|for [\w.]{1,32} is|sent|entered))?[ \t]{0,4}[:=#]?[ \t]{0,4}[\"']?"
    rf"(?P<secret>{_DIGITS}){_END}"
)
# "123456 is your Example login code", "G-123456 is your ..."
_IS_YOUR = re.compile(
    rf"(?i)(?<![\w.\-])(?P<secret>{_DIGITS}) is (?:your|the) "
    r"(?:[\w'\u2019.\-]{1,32} ){0,4}?(?:code|otp|pin|passcode|password)\b"
)
# "Use code 123456 to sign in"
_USE = re.compile(
    rf"(?i)(?<![\w\-])(?:use|enter|type|with) (?:the |this )?code (?P<secret>{_DIGITS}) "
    r"to (?:sign in|log ?in|verify|confirm)\b"
)
# "Authorization code aZ91kd82Lq exchanged"
_MIXED = re.compile(
    rf"(?i)(?<![\w\-]){_PURPOSE} code[ \t]{{1,4}}(?:is |was )?[\"']?"
    r"(?P<secret>(?=[A-Za-z\-]{0,32}\d)(?=[\d\-]{0,32}[A-Za-z])[A-Za-z0-9\-]{6,64})(?![\w\-])"
)
# "user 7 entered code 123456", "wrong code 123456": four digits are as often a status
_TYPED = re.compile(
    r"(?i)(?<![\w\-])(?:(?:entered|submitted|typed)(?: the)? code (?P<secret>\d{4,8})"
    r"|(?:wrong|incorrect) code (?P<other>\d{6,8}))(?![\w.\-])"
)
# "passport no. C01X00T47"
_PASSPORT = re.compile(
    r"(?i)(?<!\w)passport (?:no\.?|number|nr\.?) (?P<secret>(?=[A-Z]{0,12}\d)[A-Z0-9]{6,12})(?![\w\-])"
)
# "card 4111 ..., cvv 321"
_CVV = re.compile(
    r"(?i)(?<![\w\-])(?:cvv2?|cvc2?|cvn)"
    r"[ \t]{1,4}(?:is |was )?(?P<secret>\d{3,4})(?![\w.\-]*\d)(?!\w)"
)
# "license key ABCD-EFGH-IJKL-MNOP activated"
_LICENCE = re.compile(
    r"(?i)(?:licen[sc]e|product|serial|activation) key:?[ \t]{1,4}"
    r"(?P<secret>[A-Z0-9]{4,8}(?:-[A-Z0-9]{4,8}){2,8})(?![\w\-])"
)
# The same in other languages: "Ihr Bestätigungscode lautet 123456", "код подтверждения: 1234"
_TRANSLATED = re.compile(
    r"(?i)(?:best[äa]e?tigungscode|sicherheitscode|anmeldecode|zugangscode|einmalcode"
    r"|code (?:de |d['\u2019])(?:v[ée]rification|s[ée]curit[ée]|confirmation|connexion|acc[èe]s)"
    r"|c[óo]digo de (?:verifica[a-zçãó]{3,5}|seguran[çc]a|seguridad|acceso|acesso|confirma[a-zçãó]{3,5})"
    r"|codice di (?:verifica|sicurezza|accesso)|verificatiecode|kod (?:weryfikacyjny|dost[ęe]pu)"
    r"|do[ğg]rulama kodu|код(?: \w{1,16})?|验证码|驗證碼|認証コード|確認コード|인증 ?번호|인증 ?코드)"
    r"(?:[ \t]{1,2}(?:lautet|ist|est|es|é|è|is|to))?[ \t]{0,2}[:=\uff1a是は]?[ \t]{0,2}[\"'«„]?"
    rf"(?P<secret>{_DIGITS})(?!\w)"
    r"|(?<!\w)(?:ihr|dein|votre|ton|tu|su|seu|your|il tuo|uw|je|din|twój|ваш|твой)"
    r" (?:code|código|codigo|codice|kod|код)"
    r"(?: (?:ist|lautet|est|es|é|è|is|to|är|:)|:) {0,2}(?P<other>\d{4,8}|\d{3}[ \-]\d{3})(?!\w)"
)
# "contraseña «verano24»", "密码 xiatian24"; what has a colon is a pair.
_WORD = re.compile(
    r"(?i)(?<!\w)(?:contraseña|hasło|lösenord|şifre|парол[ья](?: пользовател[яю] [\w.@\-]{1,32}(?=:))?"
    r"|密[码碼](?:错误|錯誤|是|为|為)?|口令|パスワード|비밀번호"
    r"|סיסמה|סיסמא|كلمة (?:المرور|السر)|رمز عبور|รหัสผ่าน|पासवर्ड)"
    r"(?:[ \t]{1,2}(?:es|är|to|—|-))?[ \t]{0,2}[:\uff1a=]?[ \t]{0,2}"
    r"(?:[\"'«„“「](?P<quoted>[^\"'»“”」\r\n]{1,256})[\"'»“”」]|(?P<secret>[^\s\"'«»,;()\[\]{}]{6,256}))"
)


def _is_no_password(match: re.Match[str]) -> bool:
    if match["quoted"] is not None:
        return is_kept(match["quoted"], "", keys.SECRET)
    return not any(map(str.isdigit, match["secret"])) or is_kept(match["secret"], "", keys.SECRET)


_CODES = by_pattern(_BEFORE, HIDDEN, group="secret")
_NAMES = ("otp", "code", "pin", "pass")
RULES = (
    Rule("one-time code", WORDS, _CODES, (*_NAMES, "2fa", "mfa")),
    Rule("one-time code before its name", WORDS, by_pattern(_IS_YOUR, HIDDEN, group="secret"), _NAMES),
    Rule("one-time code to use", WORDS, by_pattern(_USE, HIDDEN, group="secret"), ("code",)),
    Rule("typed code", WORDS, by_pattern(_TYPED, HIDDEN, group=("secret", "other")), (" code",)),
    Rule("card's code", WORDS, by_pattern(_CVV, HIDDEN, group="secret"), ("cv",)),
    Rule("passport number", WORDS, by_pattern(_PASSPORT, HIDDEN, group="secret"), ("passport n",)),
    Rule("licence key", WORDS, by_pattern(_LICENCE, HIDDEN, group="secret"), (" key",)),
    Rule("mixed one-time code", WORDS, by_pattern(_MIXED, HIDDEN, group="secret"), (" code",)),
    Rule(
        "one-time code in translation",
        WORDS | FOREIGN,
        by_pattern(_TRANSLATED, HIDDEN, group=("secret", "other")),
        ("code", "codi", "códi", " kod", "код", "验证码", "驗證碼", "コード", "인증"),
    ),
    Rule(
        "password in translation",
        FOREIGN,
        by_pattern(_WORD, HIDDEN, group=("quoted", "secret"), unless=_is_no_password),
    ),
)
