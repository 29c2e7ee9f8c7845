"""Value rules for command lines, protocols and files of credentials: secrets that stand after a word or an option."""

from __future__ import annotations

import re
from collections.abc import Iterator

from logkit.redact import keys
from logkit.redact.marker import HIDDEN
from logkit.redact.rule import LOUD, OPTION, PAIR, QUOTED_OPTION, WORDS, Rule, Span, by_pattern
from logkit.redact.value_sense import is_kept

_CREDENTIAL_ARGUMENT = re.compile(
    r"(?<![\w\-])(?:-u|--user|--proxy-user|--auth|-a|-U)(?:[ \t]{1,4}|=|[\"'],\s?)[\"']?"
    r"(?P<user>[\w.@+\-]{0,64})[:%](?P<secret>[^\s\"'/:][^\s\"']*)"
)
# Passwords that stand at a place of their own: after an option of one letter, after a name.
_LETTER = re.compile(
    r"(?<![\w\-.])(?:"
    r"htpasswd[ \t]{1,4}-(?:[A-Za-z]{0,4}b[A-Za-z]{0,4}[ \t]{1,4}[^\s\-]\S{0,128}"
    r"|[A-Za-z]{0,4}n[A-Za-z]{0,4}b[A-Za-z]{0,4})[ \t]{1,4}\S{1,64}[ \t]{1,4}"
    r"|openssl[ \t]{1,4}(?:enc|aes[\w\-]{0,16}|des[\w\-]{0,16})\b[^\r\n|;]{0,200}?[ \t]-[kK][ \t]{1,4}"
    r"|7z[ar]?\b[^\r\n|;]{0,200}?[ \t]-p|(?:un)?rar\b[^\r\n|;]{0,200}?[ \t]-h?p"
    r"|(?:un)?zip\b[^\r\n|;]{0,200}?[ \t]-P[ \t]{0,4}"
    r"|lftp\b[^\r\n|;]{0,64}?[ \t]-u[ \t]{1,4}[^\s,]{1,64},|ssh-keygen\b[^\r\n|;]{0,200}?[ \t]-[NP][ \t]{1,4}"
    r"|(?:-u|--user(?:name)?)[ =][^\s:]{1,64}[ \t]{1,4}-p[ \t]{1,4}"
    r"|--type[ =]SecureString\b[^\r\n|;]{0,200}?[ \t]--value[ =]"
    r")[\"']?(?P<secret>[^\s\"'/\-][^\s\"']{2,256})"
)
_PLACED = re.compile(
    r"(?<![\w\-.])(?:"
    r"rabbitmqctl\b[^\r\n|;]{0,64}?[ \t](?:add_user|change_password|authenticate_user)[ \t]{1,4}\S{1,64}[ \t]{1,4}"
    r"|config[ \t]{1,4}(?:http-basic|bearer|pypi-token|gitlab-token|github-oauth)\.[\w.\-]{1,64}[ \t]{1,4}"
    r"(?:[^\s\-]\S{0,64}[ \t]{1,4})?"
    r"|net[ \t]{1,4}use[ \t]{1,4}[A-Za-z*]:?[ \t]{1,4}\S{1,128}[ \t]{1,4}|net[ \t]{1,4}user[ \t]{1,4}\S{1,64}[ \t]{1,4}"
    r"|mc[ \t]{1,4}(?:alias|config host)[ \t]{1,4}(?:set|add)[ \t]{1,4}\S{1,64}"
    r"[ \t]{1,4}\S{1,256}[ \t]{1,4}\S{1,64}[ \t]{1,4}"
    r"|wpa_passphrase[ \t]{1,4}\S{1,64}[ \t]{1,4}|add-authtoken[ \t]{1,4}|\bunseal[ \t]{1,4}"
    r")[\"']?(?P<secret>[^\s\"'/\-][^\s\"']{2,256})"
)
# Azure's pipelines and Redis' access control write the secret after a sign.
_SIGNED = re.compile(
    r"##vso\[task\.setvariable [^\]\r\n]{0,128}issecret=true[^\]\r\n]{0,64}\](?P<pipeline>[^\s\[]{1,256})"
    r"|\bACL SETUSER [^\r\n>]{1,64}>(?P<acl>[^\s\"'\[]{1,256})"
)
_SNMP = re.compile(r"(?<![\w\-.])snmp[a-z]{3,12} [^\r\n|;]{1,400}+")
_SNMP_SECRET = re.compile(r"[ \t]-[cAX][ \t]{1,4}[\"']?(?P<secret>[^\s\"'\-][^\s\"']{0,256})")


def _snmp(text: str) -> Iterator[Span]:
    for command in _SNMP.finditer(text):
        for match in _SNMP_SECRET.finditer(text, command.start(), command.end()):
            if not is_kept(match["secret"], "", keys.SECRET):
                yield match.start("secret"), match.end("secret"), HIDDEN


_COMMAND = re.compile(
    r"(?<![\w\-])(?:(?:mysql|mysqldump|mysqladmin|mariadb)\b[^\r\n|;]{0,200}?[ \t]-p"
    r"|sshpass[ \t]{1,4}-p[ \t]{0,4}|redis-cli\b[^\r\n|;]{0,200}?[ \t]-a[ \t]{1,4}"
    r"|(?:docker|podman|helm registry|az|ftp|mongo|mongosh|mongodump|sqlcmd|psql|xfreerdp"
    r"|net use)\b[^\r\n|;]{0,200}?[ \t](?:-p|-P|--password|/p:)[ \t=]{0,4}"
    r"|ldap[a-z]{3,8}\b[^\r\n|;]{0,200}?[ \t]-w[ \t]{1,4}|net use\b[^\r\n|;]{0,200}?/user:\S{1,64}[ \t]{1,4}"
    r"|openssl\b[^\r\n|;]{0,200}?[ \t]-pass(?:in|out)?[ \t]{1,4}pass:|keytool\b[^\r\n|;]{0,200}?[ \t]-"
    r"(?:store|key)pass[ \t]{1,4})"
    r"[\"']?(?P<secret>[^\s\"'\-][^\s\"']{2,256})"
)
_PORTS = re.compile(r"[\d.:]+(?:/(?:tcp|udp))?")
_NETRC = re.compile(
    r"(?i)\blogin[ \t\r\n]{1,8}\S{1,128}[ \t\r\n]{1,8}password[ \t\r\n]{1,8}[\"']?(?P<secret>[^\s\"']{1,256})"
)
_PGPASS = re.compile(
    r"(?m)(?:^|(?<=\s))[\w.\-*]{1,255}:(?:5432|6432|\*):[\w.\-*]{1,64}:[\w.\-*]{1,64}:(?P<secret>[^\s:]{1,256})"
)
_PROTOCOL = re.compile(
    r"(?:\"AUTH\" (?:\"[^\"]{1,64}\" )?\"(?P<monitor>[^\"]{1,256})\""
    r"|\b(?:AUTH|auth) (?:PLAIN|LOGIN|XOAUTH2|OAUTHBEARER|CRAM-MD5)[ \t]{1,4}"
    r"(?P<mail>(?![a-z]{8,}+(?![A-Za-z0-9+/=]))[A-Za-z0-9+/=]{8,})"
    r"|\b334 (?:UGFzc3dvcmQ6|VXNlcm5hbWU6|VXNlcm5hbWUA|UGFzc3dvcmQA)"
    r"(?:\\r)?(?:\r?\n|\\n|['\"]?[ \t])[>CS: \t]{0,6}(?P<asked>[A-Za-z0-9+/=]{4,})"
    r"|(?:^|[\r\n>\"'])\s{0,4}PASS (?P<ftp>[^\s\"'/]{1,256})(?=[\r\n\"']|$)"
    r"|(?:^|[\r\n>\"']|[CS]:)\s{0,4}[A-Za-z]{0,4}\d{1,6} LOGIN \S{1,128} (?P<imap>\S{1,256})"
    r"|\bAUTH[ \t]{1,4}(?:default |[\w\-]{1,32} )?(?P<redis>(?!\[REDACTED)[^\s\"']{8,256})(?=[\"'\r\n]|$))"
)
# Literals in lines of source: login("user", "x"), sp_addlogin 'user', 'x', PDO->__construct('dsn', 'user', 'x')
_LITERAL = r"\\*[\"'][^\"'\r\n]{0,128}[\"'],[ \t]{0,4}"
_CALL = re.compile(
    r"(?i)(?<![A-Za-z])(?:"
    rf"(?:log_?in|auth|authenticate|sign_?in|basicauth|httpbasicauth|digestauth)\([ \t]{{0,4}}{_LITERAL}"
    rf"|sp_addlogin[ \t]{{1,4}}{_LITERAL}"
    r"|(?:PDO->__construct|mysqli(?:_connect|->__construct|->real_connect)|ldap_bind|ftp_login|imap_open)\("
    r"[^\s,()]{1,128},[ \t]{0,4}[^\s,()]{1,128},[ \t]{0,4}"
    r"|(?:check|set|make|verify|hash|validate|change)_?(?:password|passcode|pin)\("
    rf"|networkcredential\([ \t]{{0,4}}{_LITERAL}|directoryentry\(\s{{0,8}}{_LITERAL}\s{{0,64}}{_LITERAL}\s{{0,64}}"
    r"|fernet\(|hmac\.(?:new|digest)\(|jwt\.(?:en|de)code\([^\s,\"'()]{1,64},[ \t]{0,4}"
    r")[bBrRuU]?(?:\\*[\"'])(?P<secret>[^\"'\r\n]{3,256}?)\\*[\"']"
)


def _is_no_command(match: re.Match[str]) -> bool:
    return is_kept(match["secret"], "", keys.SECRET) or _PORTS.fullmatch(match["secret"]) is not None


def _is_kept(match: re.Match[str]) -> bool:
    return is_kept(match["secret"], "", keys.SECRET)


RULES = (
    Rule(
        "user and password argument",
        LOUD,
        by_pattern(_CREDENTIAL_ARGUMENT, HIDDEN, group="secret", unless=_is_kept),
        (*OPTION, *QUOTED_OPTION, "\t-"),
    ),
    Rule(
        "password argument",
        WORDS,
        by_pattern(_COMMAND, HIDDEN, group="secret", unless=_is_no_command),
        (" -", " /p:", "/user:"),
    ),
    Rule(
        "password after a letter",
        WORDS,
        by_pattern(_LETTER, HIDDEN, group="secret", unless=_is_no_command),
        (" -",),
    ),
    Rule(
        "password at its place",
        WORDS,
        by_pattern(_PLACED, HIDDEN, group="secret", unless=_is_no_command),
        ("rabbitmqctl", "config ", "net use", "mc ", "unseal ", "passphrase", "authtoken"),
    ),
    Rule(
        "password after a sign",
        LOUD,
        by_pattern(_SIGNED, HIDDEN, group=("pipeline", "acl")),
        ("issecret=true", "acl setuser "),
    ),
    Rule("community of SNMP", WORDS, _snmp, (" -",)),
    Rule("netrc", WORDS, by_pattern(_NETRC, HIDDEN, group="secret", unless=_is_kept), ("pass",)),
    Rule(
        "pgpass",
        PAIR,
        by_pattern(_PGPASS, HIDDEN, group="secret", unless=_is_kept),
        (":5432:", ":6432:", ":*:"),
    ),
    Rule(
        "password of a protocol",
        WORDS,
        by_pattern(_PROTOCOL, HIDDEN, group=("monitor", "mail", "asked", "ftp", "imap", "redis")),
        ("auth", "pass", " login ", "334 "),
    ),
    Rule(
        "literal in a call",
        LOUD,
        by_pattern(_CALL, HIDDEN, group="secret", unless=_is_kept),
        (
            *("login", "log_in", "auth", "sign", "__construct(", "_connect(", "imap_open(", "ldap_bind("),
            *("password(", "passcode(", "pin(", "fernet(", "hmac.", "jwt.", "credential(", "entry("),
        ),
    ),
)
