"""Labelled lines of our own for the redactor: what must not come out of it, and what must.

No value is real: tokens are put together from a prefix and characters that a fixed seed gives.
"""

from __future__ import annotations

import random
import string
from dataclasses import dataclass, field
from typing import Any

_ALNUM = string.ascii_letters + string.digits
_random = random.Random(20261123)
H = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Case:
    """`source` is a text or a mapping of fields."""

    kind: str
    source: str | dict[str, Any]
    secrets: tuple[str, ...] = ()
    keep: tuple[str, ...] = field(default=())


def fake(prefix: str, length: int, alphabet: str = _ALNUM) -> str:
    """A token that never was one."""
    return prefix + "".join(_random.choice(alphabet) for _ in range(length))


def _words(text: str) -> list[str]:
    return text.split()


def hidden(kind: str, template: str, secret: str, *keep: str) -> Case:
    """`{}` in the template is the secret."""
    return Case(kind, template.replace("{}", secret), (secret,), keep)


def kept(kind: str, text: str) -> Case:
    """Nothing in it may change."""
    return Case(kind, text, (), (text,))


PW = "tr0ub4dor-Z9"
_PAIRS = [
    ("login failed password={} user=bob", ("login failed", "user=bob")),
    ("login failed password='{}' user=bob", ("user=bob",)),
    ('login failed password: "{}", user: bob', ("user: bob",)),
    ("Password: {}", ("Password",)),
    ("PASSWORD={}", ("PASSWORD",)),
    ("passwd={};host=db1", ("host=db1",)),
    ("new_password2={}&next=/home", ("next=/home",)),
    ('{"user": "bob", "password": "{}", "age": 7}', ('"user": "bob"', '"age": 7')),
    ('{\\"user\\": \\"bob\\", \\"password\\": \\"{}\\", \\"age\\": 7}', ('age\\": 7',)),
    ('{\\\\\\"password\\\\\\": \\\\\\"{}\\\\\\", \\\\\\"age\\\\\\": 7}', ("age",)),
    ("{'user': 'bob', 'password': '{}', 'age': 7}", ("'age': 7",)),
    ("{'user': 'bob', 'password': b'{}', 'age': 7}", ("'age': 7",)),
    ("user=bob&password={}&age=7", ("user=bob", "age=7")),
    ("GET /login?password={}&age=7 200", ("GET /login", "age=7 200")),
    ("POST body: user%3Dbob%26password%3D{}%26age%3D7", ("age%3D7",)),
    ("%7B%22password%22%3A%22{}%22%2C%22age%22%3A7%7D", ("age",)),
    ("&quot;password&quot;: &quot;{}&quot;, &quot;age&quot;: 7", ("age",)),
    ("password => '{}', age => 7", ("age => 7",)),
    (':password=>"{}", :age=>7', ("age",)),
    ("password -> {}", ("password",)),
    ('password := "{}"', ("password",)),
    ("user[password]={}&user[age]=7", ("user[age]=7",)),
    ("data['password'] = '{}'", ("data",)),
    ("DB_PASSWORD={}\nDB_HOST=db1", ("DB_HOST=db1",)),
    ("export PGPASSWORD={}; psql -h db1", ("psql -h db1",)),
    ("AWS_SECRET_ACCESS_KEY={} AWS_REGION=eu-west-1", ("AWS_REGION=eu-west-1",)),
    ("SECRET_KEY = '{}'", ("SECRET_KEY",)),
    ("DJANGO_SECRET_KEY={}", ("DJANGO_SECRET_KEY",)),
    ("api_key={} retries=3", ("retries=3",)),
    ("api-key: {} retries: 3", ("retries: 3",)),
    ("apikey={} retries=3", ("retries=3",)),
    ("apiKey={} retries=3", ("retries=3",)),
    ("api key: {} retries: 3", ("retries: 3",)),
    ("X-Api-Key: {}\r\nAccept: */*", ("Accept: */*",)),
    ("client_secret={}&grant_type=password", ("grant_type=password",)),
    ("access_token={}&token_type=bearer", ("token_type=bearer",)),
    ("refresh_token={}", ()),
    ("authToken: {}", ()),
    ("session_key={} user_id=7", ("user_id=7",)),
    ("sessionid={} user_id=7", ("user_id=7",)),
    ("csrfmiddlewaretoken={}&name=bob", ("name=bob",)),
    ("cvv={} exp=12/27", ("exp=12/27",)),
    ("otp={} user=7", ("user=7",)),
    ('passphrase "{}" rejected', ("rejected",)),
    ("wrong password '{}' for bob", ("for bob",)),
    ("the password is {} for now", ("for now",)),
    ("password was changed to '{}'", ("password was changed to",)),
    ("Server=db1;Database=app;User Id=sa;Password={};Encrypt=yes", ("Server=db1", "Encrypt=yes")),
    ("Server=db1;Uid=sa;Pwd={};", ("Server=db1",)),
    ("AccountName=acme;AccountKey={};EndpointSuffix=core", ("AccountName=acme", "EndpointSuffix=core")),
    ("SharedAccessKeyName=root;SharedAccessKey={}", ("SharedAccessKeyName=root",)),
    ("host=db1 port=5432 user=app password={} dbname=x", ("host=db1", "dbname=x")),
    ("mysql --user=root --password={} -e 'select 1'", ("select 1",)),
    ("mysql --user=root --password {} app", ("app",)),
    ("tool --api-key {} run", ("run",)),
    ("tool --token={} run", ("run",)),
    ("mysqldump -uroot -p{} app", ("mysqldump -uroot", "app")),
    ("sshpass -p {} ssh host1", ("ssh host1",)),
    ("redis-cli -h r1 -a {} ping", ("ping",)),
    ("curl -u bob:{} https://example.org/x", ("https://example.org/x",)),
    ("curl --user bob:{} https://example.org/x", ("https://example.org/x",)),
    ("curl -H 'X-Api-Key: {}' https://example.org/x", ("https://example.org/x",)),
    ('curl -H "Authorization: Bearer {}" https://example.org/x', ("https://example.org/x",)),
    ("curl -d 'user=bob&password={}' https://example.org/x", ("user=bob", "https://example.org/x")),
    ("cmd: ['curl', '-u', 'bob:{}', 'https://example.org/x']", ("https://example.org/x",)),
    ("argv ['tool', '--password', '{}', 'run']", ("run",)),
    ("docker login -u bob -p {} registry.example.org", ("registry.example.org",)),
    ("machine api.example.org login bob password {}", ("machine api.example.org",)),
    ("db1:5432:app:bob:{}", ("db1:5432",)),
    ("<password>{}</password><age>7</age>", ("<age>7</age>",)),
    ('<wsse:Password Type="x">{}</wsse:Password>', ()),
    ('<add key="ClearTextPassword" value="{}" />', ("<add",)),
    ('<input type="hidden" name="csrfmiddlewaretoken" value="{}">', ("<input",)),
    ('{"name": "Authorization", "value": "{}"}', ("name",)),
    ('[{"key": "X-Api-Key", "value": "{}", "type": "text"}]', ()),
    ("[('Authorization', '{}'), ('Accept', '*/*')]", ("'*/*'",)),
    ("[(b'cookie', b'a={}'), (b'accept', b'*/*')]", ("*/*",)),
    ('headers [["x-auth-token", "{}"]]', ("headers",)),
    ('--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n{}\r\n--b--', ("--b--",)),
    ("user=bob\\npassword={}\\nhost=db1", ("host=db1",)),
    ("b'user=bob&password={}'", ("user=bob",)),
    ("KeyError: 'token={}'", ("KeyError",)),
    ("UPDATE users SET password = '{}' WHERE id = 7", ("WHERE id = 7",)),
    ("INSERT INTO users (id, password, age) VALUES (7, '{}', 30)", ("INSERT INTO users", "30")),
    ("ALTER USER bob WITH PASSWORD '{}'", ("ALTER USER bob",)),
    ("CREATE USER 'bob'@'%' IDENTIFIED BY '{}'", ("CREATE USER",)),
    ("(0.001) SELECT 1 WHERE x = %s; args=('{}',); alias=default", ("SELECT 1", "alias=default")),
    ("[SQL: INSERT INTO t VALUES (?)]\n[parameters: ('{}', 7)]", ("[SQL: INSERT",)),
    ("DETAIL:  Key (token)=({}) already exists.", ("already exists",)),
    ("DETAIL:  Failing row contains (7, {}, null).", ("DETAIL",)),
    ("password=\n  token: {}", ()),
    ("map[password:{} user:bob]", ("user:bob",)),
    ("&{User:bob Password:{} Age:7}", ("User:bob", "Age:7")),
    ("Secret(value='x', client_secret='{}')", ()),
    ("User(name='bob', password='{}', age=7)", ("age=7",)),
    ("{'secrets': ['{}', 'b'], 'age': 7}", ("'age': 7",)),
    ('{"credentials": {"user": "x", "pw": "{}"}, "age": 7}', ('"age": 7',)),
    ('{"token": "{}', ()),
    ('"password": ["{}"', ()),
    ("redirect to /cb?code=4f{}aB3dE5&state=ok", ("state=ok",)),
]
_SCHEMES = [
    ("Authorization: Bearer {}", "Authorization"),
    ("authorization: bearer {} rejected", "rejected"),
    ("Authorization: Token {}\r\nHost: x", "Host: x"),
    ("Proxy-Authorization: Basic {}", "Proxy-Authorization"),
    ("sent Bearer {} to api", "to api"),
    ("'Authorization': 'Bearer {}', 'Accept': 'x'", "'Accept': 'x'"),
    ("HTTP_AUTHORIZATION=Bearer {}", "HTTP_AUTHORIZATION"),
    ("Authorization: ApiKey {}", "Authorization"),
    ("Authorization: {}", "Authorization"),
    ("Authorization: SSWS {}", "Authorization"),
    ('Authorization: Digest username="bob", realm="x", nonce="n", uri="/", response="{}"', "Authorization"),
    (
        "Authorization: AWS4-HMAC-SHA256 Credential=AK/2026/s3, SignedHeaders=host, Signature={}",
        "Authorization",
    ),
    ('Authorization: OAuth oauth_token="x", oauth_signature="{}"', "Authorization"),
    ("Cookie: theme=dark; sessionid={}; lang=en", "Cookie"),
    ("Cookie: sessionid={}\r\nAccept: x", "Accept: x"),
    ("Set-Cookie: sessionid={}; Path=/; HttpOnly", "Path=/; HttpOnly"),
    ("HTTP_COOKIE='csrftoken={}; a=b'", "HTTP_COOKIE"),
    ("'set-cookie': 'id={}; Path=/'", "set-cookie"),
    ("X-Auth-Token: {}", "X-Auth-Token"),
    ("X-CSRFToken: {}", "X-CSRFToken"),
    ("X-Amz-Security-Token={}&X-Amz-Expires=300", "X-Amz-Expires=300"),
    ("https://b.example.org/o?X-Amz-Signature={}&x=1", "b.example.org"),
    ("https://b.example.org/o?sig={}&x=1", "b.example.org"),
    ("https://b.example.org/o?Signature={}&Expires=1700000000", "Expires=1700000000"),
    ("?signature={}&x=1", "x=1"),
]
_URLS = [
    "postgres://app:{}@db.example.org:5432/app",
    "redis://:{}@cache:6379/0",
    "amqps://guest:{}@mq/vhost",
    "https://bob:{}@example.org/path?x=1",
    "smtp+tls://u:{}@mail:587",
    "mongodb+srv://u:{}@c0.example.net/x?retryWrites=true",
    "https:\\/\\/bob:{}@example.org\\/path",
    "https://{}:x-oauth-basic@example.org/r.git",
    "https://oauth2:{}@example.org/r.git",
    "jdbc:oracle:thin:app/{}@db:1521:xe",
    "app:{}@tcp(127.0.0.1:3306)/db",
    "app:{}@db1:5432",
    "dsn jdbc:postgresql://db/app?user=a&password={}",
]
_VENDORS = [
    fake("ghp_", 36),
    fake("gho_", 36),
    fake("github_pat_", 40),
    fake("glpat-", 20),
    fake("gldt-", 20),
    fake("glrt-", 20),
    fake("xoxb-", 12, string.digits) + fake("-", 24),
    fake("xoxp-", 40),
    fake("xapp-1-", 40),
    fake("sk_live_", 24),
    fake("rk_test_", 24),
    fake("whsec_", 32),
    fake("AIza", 35),
    fake("ya29.", 60),
    fake("GOCSPX-", 28),
    fake("1//0", 40),
    fake("SG.", 22) + fake(".", 43),
    fake("sk-proj-", 48),
    fake("sk-ant-api03-", 80),
    fake("sk-or-v1-", 64, H),
    fake("SK", 32, H),
    fake("npm_", 36),
    fake("pypi-AgEIcHlwaS5vcmc", 60),
    fake("rubygems_", 48, H),
    fake("dckr_pat_", 27),
    fake("dop_v1_", 64, H),
    fake("shpat_", 32, H),
    fake("shpss_", 32, H),
    fake("hf_", 34, string.ascii_letters),
    fake("dapi", 32, H),
    fake("key-", 32, H),
    fake("sntryu_", 64, H),
    fake("sntrys_eyJ", 60),
    fake("dp.pt.", 43),
    fake("lin_api_", 40),
    fake("pscale_tkn_", 43),
    fake("hvs.", 90),
    fake("AKIA", 16, string.ascii_uppercase + "234567"),
    fake("ASIA", 16, string.ascii_uppercase),
    fake("LTAI", 20),
    fake("AGE-SECRET-KEY-1", 58, string.ascii_uppercase),
    fake("tskey-auth-", 12) + fake("-", 30),
    fake("NRAK-", 27, string.ascii_uppercase),
    fake("glsa_", 32) + fake("_", 8, H),
    fake("figd_", 40),
    fake("ntn_", 46),
    fake("secret_", 43),
    fake("pul-", 40, H),
    fake("xkeysib-", 64, H) + fake("-", 16),
    fake("EAAC", 120),
    fake("gsk_", 52),
    fake("xai-", 80),
    fake("pplx-", 48),
    fake("r8_", 37),
    fake("lsv2_pt_", 32, H) + fake("_", 10, H),
    fake("ATATT3x", 180),
    fake("sqp_", 40, H),
    fake("rzp_live_", 14),
    fake("sq0atp-", 22),
    fake("PMAK-", 24, H) + fake("-", 34, H),
    fake("glc_eyJ", 60),
    fake("NRII-", 32),
    fake("shippo_live_", 40, H),
    fake("AVNS_", 19),
    fake("oy2", 43, string.ascii_lowercase + string.digits),
    fake("sbp_", 40, H),
    fake("fck_share_", 43),
    fake("fck_invite_", 43),
    fake("", 32, H) + "-us12",
    fake("dt0c01.", 24, string.ascii_uppercase) + fake(".", 64, string.ascii_uppercase),
    fake("nfp_", 36),
    fake("CFPAT-", 43),
    fake("pat", 14) + fake(".", 64, H),
    fake("do_", 0) + fake("doo_v1_", 64, H),
    fake("bkua_", 40, H),
    fake("", 8, string.digits) + ":AA" + fake("", 33),
    fake("M", 23) + fake(".", 6) + fake(".", 27),
    fake("sk_live_", 99),
    fake("re_", 8) + fake("_", 24),
    "eyJhbGciOiJIUzI1NiJ9." + fake("eyJzdWIi", 30) + fake(".", 43),
    "eyJhbGciOiJub25lIn0." + fake("eyJzdWIi", 30) + ".",
    "pbkdf2_sha256$870000$" + fake("", 22) + "$" + fake("", 43) + "=",
    "$2b$12$" + fake("", 53),
    "$argon2id$v=19$m=65536,t=3,p=4$" + fake("", 22) + "$" + fake("", 43),
    "argon2$argon2id$v=19$m=102400,t=2,p=8$" + fake("", 22) + "$" + fake("", 43),
    fake("", 30) + ":1tXyZa:" + fake("", 43),
]
_AROUND = [
    "rejected {} with 403",
    "({}) is not valid",
    "using {}, retrying",
    'value "{}" dropped',
    "bad {}.",
    "x={}&y=1",
    "/t/{}/x",
    "id:{}",
]
_EMAILS = _words(r"""
alice@example.org a.b+tag@mail.example.co.uk o'brien@example.com 用户@例子.公司 user@xn--80ak6aa92e.com
x_y-z%w@sub.example.museum ALICE@EXAMPLE.ORG alice%40example.org 1234567@qq.com alice@example.travel
jürgen@müller.de alice\u0040example.org
""")
_PEOPLE = [
    *(
        hidden("email", template, email, *keep)
        for email in _EMAILS
        for template, keep in [
            ("mail to {} bounced", ("mail to", "bounced")),
            ("<{}>: unknown", ("unknown",)),
            ("email={}, age=7", ("age=7",)),
            ("'{}' in list", ("in list",)),
            ("mailto:{}?x", ("mailto",)),
            ("no such user: {}.", ("no such user",)),
            ("Key (email)=({}) already exists.", ("already exists",)),
            ("Duplicate entry '{}' for key 'users.email'", ("for key",)),
            ('{"to": ["{}"]}', ("to",)),
            ("bob,{},7", ("bob", "7")),
            ("[{}](x)", ("x",)),
        ]
    ),
    *(
        hidden("phone", template, phone, *keep)
        for phone in [
            "+14155550132",
            "+1 415 555 0132",
            "+1-415-555-0132",
            "+1 (415) 555-0132",
            "+44 20 7946 0958",
            "+447700900123",
            "+49 30 23125000",
            "+33 1 99 00 12 34",
            "+972 9-762-5400",
            "+61 491 570 156",
            "+353 20 915 0123",
            "+86 138 0013 8000",
            "+358 41 2345678",
            "0044 20 7946 0958",
            "%2B14155550132",
            "+1.415.555.0132",
        ]
        for template, keep in [
            ("sms to {} queued", ("queued",)),
            ("tel:{}", ("tel",)),
            ("caller '{}' blocked", ("blocked",)),
            ("({}) opted out", ("opted out",)),
            ("phone={};x=1", ("x=1",)),
        ]
    ),
    *(
        hidden("card", template, card, *keep)
        for card in [
            "4242424242424242",
            "4000 0566 5566 5556",
            "5555-5555-5555-4444",
            "378282246310005",
            "3782 822463 10005",
            "6011111111111117",
            "3566002020360505",
            "30569309025904",
            "6200000000000005",
            "2223003122003222",
            "5105105105105100",
            "38520000023237",
            "4222222222222",
        ]
        for template, keep in [
            ("card {} declined", ("declined",)),
            ("pan={} x=1", ("x=1",)),
            ("'{}' rejected by gateway", ("rejected by gateway",)),
            ("paid with {}.", ("paid with",)),
        ]
    ),
    *(
        hidden("iban", template, iban, *keep)
        for iban in [
            "GB82WEST12345698765432",
            "DE89370400440532013000",
            "GB82 WEST 1234 5698 7654 32",
            "FR14 2004 1010 0505 0001 3M02 606",
            "NO9386011117947",
            "MT84MALT011000012345MTLCAST001S",
            "LC55HEMM000100010012001200023015",
            "SC18SSCB11010000000000001497USD",
        ]
        for template, keep in [
            ("payout to {} done", ("payout to", "done")),
            ("iban={};x=1", ("x=1",)),
            ("({})", ()),
        ]
    ),
    *(
        hidden("ssn", template, ssn, *keep)
        for ssn in ["078-05-1123", "219-09-9999"]
        for template, keep in [("applicant {} approved", ("approved",)), ("ssn: {}", ("ssn",)), ("'{}'.", ())]
    ),
    hidden("ssn", "SSN 078051123 on file", "078051123", "on file"),
    hidden("phone", "phone: (415) 555-0132 verified", "(415) 555-0132", "verified"),
    hidden("phone", "phone_number=415-555-0132 ok", "415-555-0132", "ok"),
    *(
        hidden("code", template, "493028", *keep)
        for template, keep in [
            ("your verification code is {}", ("your verification code is",)),
            ("OTP {} sent to bob", ("sent to bob",)),
            ("otp: {}", ("otp",)),
            ("one-time code {} expired", ("expired",)),
            ("SMS code: {}", ("SMS code",)),
            ("login code {}.", ("login code",)),
            ("2FA code {} wrong", ("wrong",)),
            ("PIN {} rejected", ("rejected",)),
        ]
    ),
]
_PEM = "\n".join(
    [
        "-----BEGIN RSA PRIVATE " + "KEY-----",
        *(fake("", 64) for _ in range(4)),
        "-----END RSA PRIVATE " + "KEY-----",
    ]
)
_KEPT = r"""
message.sent
keep.processing_failed
550e8400-e29b-41d4-a716-446655440000
circle 550e8400-e29b-41d4-a716-446655440000 opened by 7
01ARZ3NDEKTSV4RRFFQ69G5FAV
0ujtsYcgvSTl8PAuAdqWYSMnLOv
V1StGXR8_Z5jdHi6B-myT
507f1f77bcf86cd799439011
commit 9fceb02d0ae598e95dc970b74767f19372d61af8
trace 4bf92f3577b34da6a3ce929d0e0e4736 span 00f067aa0ba902b7
traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
at 2026-11-23T14:02:11.123456Z took 12.5ms
at 2026-11-23 14:02:11,123 +0200
ts=1763906531123 n=3
ts=1763906531.123456
epoch 1763906531123456
order 2026-0001-4421 shipped
invoice INV-20261123-0007
order number 100200300400
tracking 1Z999AA10123456784
version 5.2.19
v1.2.3-rc.1+build.5
GET /static/app.3f2a1b.js 200
10.0.0.5:5432
203.0.113.7
2001:db8::ff00:42:8329
[::1]:8000
00:1b:44:11:3a:b7
/srv/app/users/models.py
C:\Users\bob\app.log
sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
python@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
ETag: "d41d8cd98f00b204e9800998ecf8427e"
md5 d41d8cd98f00b204e9800998ecf8427e
SHA256:uNiVztksCsDhcc0u9e8BrrJoVlUQtyD6lL0ZQNJ9sPQ
sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==
password changed
password changed for user 7
token expired
the secret garden
session: started
session started
key=value
author=Jane
token_count=5
is_password_set=True
https://url:8000 @something
https://url:8000/ @something else
'https://url:8000';@something else
http://localhost:5000/<%= @variable %>
https://example.org:8443/a/@bob
password is required
password must contain 8 characters
Password: This field is required.
the password was changed
invalid token
token: invalid
auth: ok
auth failed for user 7
cookie consent shown
Bearer authentication required
WWW-Authenticate: Bearer realm="api", error="invalid_token"
WWW-Authenticate: Basic realm="api"
Basic authentication failed
Basic plan upgraded
bearer of good news
passenger=12 passengers=3 compass=north
secretary=Jane
authority=eu monkey=1
keyboard=qwerty
tokenizer=bpe
max_tokens=512 total_tokens=1523 prompt_tokens=100
password_changed_at=2026-01-01
token_expires_at=2026-01-01T00:00:00Z
token_type=bearer
password_reset_required=True
session_count=3 active_sessions=12
cookie_domain=example.org
secret_name=db-prod
api_key_id=42
auth_method=password
auth_backend=django.contrib.auth.backends.ModelBackend
cache_key=user:42:profile
primary_key=id
public_key=ssh-ed25519
status code: 404
error code 1234
exit code: 137
code=404 state=done
zip code 94107
country code +44
key: value
sort key: name
password=None
password=
password=********
token=null
password=${DB_PASSWORD}
password={password}
password=%s
password: {{ vault_password }}
password=self.password
login(username=username, password=password)
password = getpass.getpass()
password = os.environ["DB_PASSWORD"]
token = get_token(request)
if not user.check_password(password): return None
raise ValueError('password too short')
def reset_password(self, user, token=None):
File "/srv/app/users/auth.py", line 12, in check_password
users.tokens: purged 12
django.contrib.sessions: cleared
logger=users.auth level=INFO
git@github.com:team/repository.git
ssh://git@github.com:22/team/r.git
logo@2x.png
lodash@4.17.21
@types/node@20.1.0
user@localhost
root@host:~#
@app.route('/x')
my email is info@presidio.
celery@worker1 ready
4012-8888-8888-1882
1234567812345678
4111 1111 1111 1112
imei 490154203237518
000-12-3456
078-05-0000
666-12-3456
900-12-3456
2026-11-23
AT611904300234573202
1-800-555
+1
+12 -3 lines
UTC+02:00
GMT+2 2026-11-23
5 + 14155550132
x=+0.123456789
range 100-200-3000
12345-6789
page 1 of 20
took 1234567 ns
rate 0.4242424242424242
lat=51.50735091 lon=-0.12775831
numbers 1,2,3,4,5,6,7,8,9,10
1 2 3 4 5 6 7 8 9 0 1 2
foo_wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx
sk-something-long-with-words-only
eyJhbGciOiJIUzI1NiJ9
eyJAAAAAAA.bbbbbbbb.cccccccc
data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ
hello-world here
SELECT id FROM users WHERE token IS NULL
Missing fields: ['username', 'password', 'email']
errors: {"password": null, "ok": true}
pass_rate=0.97 passed=12
first pass done
boarding pass scanned
pin_count=4
pinned=3 ping=12ms
PWD=/srv/app/current
h1:0a1b2c3d:0123456789abcdef0123456789abcdef
session=h1:0a1b2c3d:0123456789abcdef0123456789abcdef
request.finished GET api/circles/{circle_id}/messages 200 12ms
db_queries=12 db_ms=3.5 bytes=1024
retrying in 30s (attempt 3 of 5)
Connected to amqp://guest@mq:5672//
postgres://db.example.org:5432/app
redis://cache:6379/0
https://example.org/a?page=2&sort=name
user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36
celery.worker: task users.tasks.send[550e8400-e29b-41d4-a716-446655440000] received
tokens: 512
sessions=3
credentials: none
Secret Santa drawn
The Secret: a book
passport control
password_hash_algorithm=argon2
password strength: weak
token bucket full
oauth2 flow started
step 2fa enabled
secretariat@
cookies disabled
auth/session.py:42
password reset requested
password updated
reset password for user 7
change password
forgot password?
password: changed
password: expired
Password: invalid
password=changed
token=valid
token: missing
token refresh failed
token has expired
Token: expired at 2026-01-01
auth=ok user=7
auth: denied
authentication: failed
secret rotated
secrets: rotated
cookie: set
session: expired
session: closed
session=expired
session timeout=30
csrf: failed
csrf check failed
credentials invalid
credentials: missing
api key missing
api key: missing
api_key=None
token_name=deploy
token_id=42
api_key_id=AK42
key_id=42
password_min_length=12
password_age_days=90
secret_count=4
has_password=true
is_token_valid=false
use_auth=true
authors=Jane
coauthor=bob
tokenize=1
sessions_open=3
session_length=30m
passport=ok
passthrough=1
compass=n
bypass=1
passed=1 failed=0
keys=3
key=name
keyspace=app
primary key violated
foreign key constraint "fk_user" fails
hotkey=ctrl+c
monkey=1
auth_user
auth_group_permissions
django_session
FROM auth_user WHERE id = 7
SELECT * FROM tokens
users/password_reset/
GET /password/reset/ 200
GET /token/refresh 401
POST /api/auth/login 401
/sessions/42
/cookies
event=auth.login.failed
auth.password.changed
auth.token.revoked
session.created
password.py:12
tokens.py
secrets.yaml
secret/data/app
cookie_policy.html
import secrets
from django.contrib.auth import authenticate
def get_password(self):
class TokenError(Exception)
raise PermissionDenied
validate_password(password, user)
self.password = make_password(raw_password)
password = models.CharField(max_length=128)
token: str
password: str = None
def login(username: str, password: str) -> bool:
Optional[str]
user.set_password(new_password)
password=password
token=token,
secret_key=settings.SECRET_KEY
api_key=os.getenv('API_KEY')
api_key=config['api_key']
headers={'Authorization': f'Bearer {token}'}
Authorization: Bearer {token}
Authorization: Bearer $TOKEN
Authorization: Bearer <token>
Authorization: ****
password: <hidden>
password=[Filtered]
password=xxxxx
-p ****
Basic usage
basic auth required
Bearer token missing
bearer token is invalid
Digest mismatch
digest=sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
Negotiate failed
Token abc
OAuth flow
code=200
code: 500
status=404 code=E1234
promo code SUMMER24
error code: E11000
code review 1234
HTTP code 1234
postal code 12345
area code 4155
line 4242
pin 12 high
pinned 1234 rows
PIN pad
gpio pin 17
opcode 1234
decode 123456 bytes
encoded 123456 bytes
barcode 12345678
QR code 12
unicode 1234
2026-11-23T14:02:11+00:00
2026-11-23T14:02:11.123+05:30
Mon, 23 Nov 2026 14:02:11 +0000
[23/Nov/2026:14:02:11 +0100]
1763906531
1763906531123
1763906531123456789
uptime 1234567.89
id=1234567890123456789
snowflake 1460323737035677698
order 1000000001
order #2026-000123
SKU 12345678
EAN 4006381333931
isbn 978-3-16-148410-0
ISBN 9783161484100
imei 356938035643809
uuid 41111111-1111-1111-1111-111111111111
4111-1111-1111-1111-x9
0x4111111111111111
4111111111111111a
abc4111111111111111
3.14159265358979
1,234,567,890,123
12 345 678 901
10.0.0.1 10.0.0.2
192.168.100.200:8080
fe80::1ff:fe23:4567:890a
2001:0db8:85a3:0000:0000:8a2e:0370:7334
00-11-22-33-44-55
CVE-2026-12345
RFC 7231
2.0.0-rc.1
v20.11.1
Python 3.11.7
linux-x86_64-5.15.0-91-generic
pid=12345 tid=140735268359168
0x7f8b4c0d5e10
/var/log/app/2026-11-23.log
s3://bucket/a/b/c.txt
file:///tmp/x
arn:aws:iam::123456789012:role/x
projects/my-proj/locations/eu/keyRings/r
sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709
da39a3ee5e6b4b0d3255bfef95601890afd80709
9fceb02
cid bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi
clh3am8hx0000356ou0w0n0v7
01HZY3V6Q8W9X2K4N5B7C1D3EF
ckpt-00001234
pod app-7d9c6b5f4-x2k8p restarted
container 3f4e5d6c7b8a9012
job 3f4e5d6c-7b8a-4012-9abc-def012345678
celery@worker-1.local ready
task users.tasks.send_mail[3f4e5d6c-7b8a-4012-9abc-def012345678] succeeded in 0.12s: None
GET /api/circles/3f4e5d6c-7b8a-4012-9abc-def012345678/messages?page=2&limit=50 200 12.5ms
SELECT "users_user"."id" FROM "users_user" WHERE "users_user"."id" = 7 LIMIT 21
Traceback (most recent call last):
ValueError: invalid literal for int() with base 10: 'x'
KeyError: 'password'
KeyError: 'token'
Missing key: password
field 'password' is required
unexpected keyword argument 'password'
column "password" does not exist
no such column: token
ok
AttributeError: 'NoneType' object has no attribute 'token'
rows=[1, 2, 3]
a -> b
x => y
ratio: 4:3
10:30:45
foo::bar
http://a/b:c
12:34:56:78
std::vector<int>
C:/Users/x
a@b
@mention
foo@bar
user@host
me@2x.png
name@1.2.3
pkg@^1.0.0
git@bitbucket.org:a/b.git
ssh user@10.0.0.1
${HOME}
%(message)s
{key}
<Token>
[token]
(secret)
hello, world!
100% done
50% off & more
a=b&c=d
x=1;y=2
#hashtag
$100.00
€20
1 + 1 = 2
+1 point
+100 XP
-1
+12
~/.ssh/config
~/.netrc
Unexpected token '}' at position 3
unexpected token "foo" in JSON
Unexpected token < in JSON at position 0
syntax error near token 'SELECT'
token 'STRING' expected
secret 'db-creds' not found in namespace default
secret "app-config" created
password field is empty
password for user bob was reset
password hash upgraded from pbkdf2_sha256 to argon2
the token bucket has 5 tokens left
5 tokens remaining
session for user 42 ended
session 42 ended
session of 35 minutes
Session middleware loaded
cookie named theme set
api key named deploy created
api key 42 revoked
key 'users.email' duplicate
KeyError: 'session'
Invalid key: 'name'
unknown key 'colour'
missing key "token" in payload
key: 42
keys: a, b, c
code: E1234
code=ERR_TIMEOUT
Code: 404, Message: not found
state=RUNNING
state: waiting
pin=off
PIN required
PIN changed
otp required
OTP sent
otp expired
2FA enabled
mfa_required=true
passed 12 of 14
bypass=on
pass 2 of 3
Pass: 12
PASS tests/test_x.py
PASSED
login: bob
username: bob
user=bob
auth_user_id=7
auth: user 7 logged in
authorization: denied for user 7
Authorization required
Authorization header missing
missing Authorization header
basic: ok
Credentials rejected
credential type=password
grant_type=password
response_type=token
token_type: Bearer
scope=read:token write:token
permission users.change_password denied
perm=auth.view_session
GET /api/tokens/42 200
DELETE /sessions/550e8400-e29b-41d4-a716-446655440000 204
POST /accounts/password/change/ 302
path=/reset-password?next=/home
template registration/password_reset_form.html
view users.views.PasswordChangeView
handler: TokenRefreshView
class=SessionMiddleware
file=tokens.py line=12
import token
tokenizer=wordpiece
model max tokens: 4096
usage: prompt_tokens=12 completion_tokens=34 total_tokens=46
cards=3 card_type=visa
card ending in 4242
card ****4242
iban ending 3000
phone verified
phone=verified
phones: 2
phone_count=2
ssn present: yes
email=missing
email: not set
mail queue: 5
e-mail sent
contact: none
retry in 5s
ratio=1:2
time=12:30:45
addr=10.0.0.1:8080
url=http://localhost:8000/a?b=c
dsn=postgres://localhost/app
redis://localhost:6379/0
amqp://localhost//
mailto:
tel:
a:b:c:d
x=y=z
{}
[]
()
''
null
git commit 9fceb02d0ae598e95dc970b74767f19372d61af8
docker pull python:3.11-slim@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
image=registry.example.org:5000/app:1.2.3
pip install requests==2.31.0
npm i lodash@4.17.21 --save
node v20.11.1
ua=Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X)
crc32=cbf43926
adler=0x11e60398
sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709
md5=d41d8cd98f00b204e9800998ecf8427e
checksum: sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
integrity=sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC
span_id=00f067aa0ba902b7
x-request-id: 7f3d9c2e4b1a4f6e8d5c3b2a1f0e9d8c
cursor=cD0yMDI2LTExLTIz
password: ''
secret = None
$password = $_POST['password'];
if ($password != "") {
password = input("Password: ")
password = request.form["password"]
apikey: ${env.APIKEY}
token = process.env.TOKEN
password = getenv("DB_PASSWORD")
String password = null;
private String password;
const token = useToken();
let secret = crypto.randomBytes(16)
password.length > 8
arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-prod-AbCdEf
secretName: app-tls
tokenUrl: https://x.example.org/oauth/token
Password: <input type="password" name="password">
password: |
token:
if (!token) return;
token => token.id
(token) => verify(token)
tokens.map(t => t.id)
password?: string
password: string
secret: str | None = None
def f(*, token: str, secret: bytes) -> None:
class Token(models.Model):
Token.objects.filter(user=user)
self.token = token
return self.token
token=self.token
token=user.token
token = Token.objects.create(user=user)
secret = settings.SECRET_KEY
api_key=settings.API_KEY,
password=os.environ['PW']
password=config.get('password')
password=kwargs.pop("password")
cookies=request.COOKIES
session=requests.Session()
with requests.Session() as session:
session.get(url)
session=session
auth=(user, password)
auth=HTTPBasicAuth(user, password)
headers={'X-Api-Key': api_key}
{'token': token}
data={'password': password, 'user': user}
'Bearer ' + token
"Authorization": "Bearer " + token
log.info('token=%s', token)
print(f'{password=}')
assert token == expected
token != other
while token := next(tokens):
for token in tokens:
import secrets; secrets.token_hex(16)
from .tokens import default_token_generator
default_token_generator.make_token(user)
user.check_password('x')
@login_required
pass
except KeyError: pass
pass  # nothing
else: pass
lambda: pass_
passwd(5)
/etc/passwd
/etc/shadow
~/.ssh/id_rsa
/run/secrets/db_password
/var/run/secrets/kubernetes.io/serviceaccount/token
cat /etc/passwd
GET /.env HTTP/1.1
GET /wp-login.php?user=admin HTTP/1.1
/api/v1/auth/token/refresh/
https://example.org/reset-password/
https://accounts.example.org/o/oauth2/token
POST https://oauth2.example.org/token 200
content-type: application/json
content-length: 1234
user-agent: python-requests/2.31.0
accept: */*
host: api.example.org
x-forwarded-for: 203.0.113.7, 10.0.0.1
via: 1.1 varnish
date: Mon, 23 Nov 2026 14:02:11 GMT
last-modified: Mon, 23 Nov 2026 14:02:11 GMT
cache-control: no-cache, max-age=0
vary: Cookie, Accept-Language
access-control-allow-headers: authorization, x-api-key, cookie
access-control-expose-headers: X-Request-ID
Vary: Authorization
strict-transport-security: max-age=31536000
SameSite=Lax; Secure
allow: GET, POST
location: /login/?next=/admin/
retry-after: 120
x-ratelimit-remaining: 42
server: gunicorn
1 password changed, 2 tokens revoked
Invalid HTTP_HOST header: 'x.example.org:8000'.
Forbidden (CSRF token missing.): /login/
Forbidden (CSRF cookie not set.): /login/
CSRF verification failed
Session data corrupted
Not Found: /favicon.ico
Bad Request: /api/x
"GET /static/a.css HTTP/1.1" 304 0
Watching for file changes with StatReloader
Task keeps.tasks.process[550e8400-e29b-41d4-a716-446655440000] retry: Retry in 3s: OSError(5)
Connected to redis://localhost:6379//
celery@vm v5.5.3 (immunity)
mingle: searching for neighbors
consumer: Cannot connect to amqp://guest:**@127.0.0.1:5672//: [Errno 111] Connection refused.
beat: Starting...
Scheduler: Sending due task cleanup (users.tasks.cleanup)
(0.000) SELECT 1; args=None; alias=default
(0.001) SELECT id FROM t WHERE id = 7; args=(); alias=default
BEGIN; args=None; alias=default
pool size=5 overflow=10
duration=0:00:12.345678
eta=2026-11-23T14:02:11+00:00
Booting worker with pid: 71
Listening at: http://0.0.0.0:8000 (70)
Using worker: gthread
Handling signal: term
Worker exiting (pid: 71)
Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)
Started server process [71]
127.0.0.1:54321 - "GET / HTTP/1.1" 200 OK
OSError: [Errno 2] No such file or directory: '/tmp/x'
django.db.utils.OperationalError: no such table: users_token
UNIQUE constraint failed: users_user.email
ValueError: Field 'id' expected a number but got 'abc'.
TypeError: login() missing 1 required positional argument: 'password'
ValidationError: ['“abc” is not a valid UUID.']
json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)
ssl.SSLError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed (_ssl.c:1006)
""".strip("\n").split("\n")
FIELDS_HIDDEN = _words(r"""
password passwd pwd new_password2 oldPassword PASSWORD user.password db-password DB_PASS secret client_secret
clientSecret secretKey SECRET_KEY api_key apiKey APIKey X-Api-Key x_api_key apikey access_token accessToken
refresh_token id_token auth_token token csrf_token csrftoken csrfmiddlewaretoken X-CSRFToken XSRF-TOKEN
authorization Authorization HTTP_AUTHORIZATION proxy-authorization cookie Cookie set-cookie HTTP_COOKIE session
sessionid session_id sessionId session_key JSESSIONID PHPSESSID connect.sid private_key privateKey ssh_key
encryption_key signing_key aws_secret_access_key AWS_SESSION_TOKEN otp otp_code mfa_code verification_code pin
pin_code cvv cvv2 card_cvc card_number cardNumber credit_card creditCardNumber iban ssn social_security_number
passphrase credentials jwt bearer auth basic_auth userpassword dbpassword authtoken secretkey webhook_secret
password_hash password_confirmation recovery_codes backup_codes security_answer phone phone_number passport_number
code_verifier saml_response MYSQL_PWD PGPASSWORD REDIS_AUTH stripe_key OPENAI_API_KEY EMAIL_HOST_PASSWORD
bank_account account_number token_hash share_token invite_token reset_token password_reset_token date_of_birth
""")
FIELDS_KEPT = _words(r"""
author authors authority authored_by passenger passengers secretary compass bypass passed passive passage
token_count tokens_used max_tokens total_tokens token_type token_expires_at token_id is_password_set has_password
password_changed_at password_set password_length password_strength password_policy password_required requires_auth
auth_method auth_type auth_provider auth_backend auth_time authenticated authentication_method api_key_id
access_key_id key key_id cache_key primary_key foreign_key sort_key public_key routing_key idempotency_key keyboard
keyword keys_count session_count session_duration_ms session_expires_at session_start cookie_domain cookie_consent
cookie_name secret_name secret_version secret_arn client_id user_id username name card_brand card_last4
credit_card_type pin_count pinned spin ping_ms opinion pass_rate pass_count first_pass tokenizer tokenized hotpot
shipping mapping monkey turkey hockey jockey status state code status_code error_code country_code zip_code
currency_code exit_code hash etag checksum fingerprint digest order_ref git_ref external_ref reference request_id
trace_id span_id root_id parent_id task_id task client_ip method route path url host x_forwarded_for remote_addr
email_sent email_count phone_verified phone_model sessions_total password_reset_sent_at signature_algorithm
authorization_url token_url token_endpoint passwordless last_token_use obsession accession_number discretion
cookiecutter secretariat surpass trespass passthrough compassion tokenization autosession_count signal sign design
assignment certificate public_key_id keystone donkey whiskey key_count object_key s3_key partition_key
translation_key lookup_key token_bucket_size rate_limit_key authorized_scopes session_engine csrf_failure_view
csrf_exempt jwt_algorithm credential_id
""")

_SEASON = "Summer2024!"
_OTHERS = [
    hidden("pair", 'config password="{}" host=h1', _SEASON, "host=h1"),
    hidden("pair", "config password='{}' host=h1", _SEASON, "host=h1"),
    hidden("pair", '{"password":"{}","x":1}', _SEASON, '"x":1'),
    hidden("pair", "{'password': '{}', 'x': 1}", _SEASON, "'x': 1"),
    hidden("pair", "config password={} host=h1", _SEASON, "host=h1"),
    hidden("pair", "password: {}", _SEASON),
    hidden("pair", "password={}", _SEASON),
    hidden("pair", "passwd = {}", _SEASON),
    hidden("pair", "Password={};Server=x", _SEASON, "Server=x"),
    hidden("pair", "db.password={}\ndb.host=x", _SEASON, "db.host=x"),
    hidden("pair", "\tpassword:\t{}", _SEASON),
    hidden("pair", 'config password="{}" host=h1', "correcthorse", "host=h1"),
    hidden("pair", "config password='{}' host=h1", "correcthorse", "host=h1"),
    hidden("pair", '{"password":"{}","x":1}', "correcthorse", '"x":1'),
    hidden("pair", "{'password': '{}', 'x': 1}", "correcthorse", "'x': 1"),
    hidden("pair", "config password={} host=h1", "correcthorse", "host=h1"),
    hidden("pair", "password: {}", "correcthorse"),
    hidden("pair", "password={}", "correcthorse"),
    hidden("pair", "passwd = {}", "correcthorse"),
    hidden("pair", "Password={};Server=x", "correcthorse", "Server=x"),
    hidden("pair", "db.password={}\ndb.host=x", "correcthorse", "db.host=x"),
    hidden("pair", "\tpassword:\t{}", "correcthorse"),
    hidden("pair", "?otp={}&x=1", "493028"),
    hidden("pair", "BasicAuth('bob', password='{}')", _SEASON),
    hidden("pair", "auth=('bob', '{}')", _SEASON),
    hidden("pair", "HTTPBasicAuth(username='bob', password='{}')", _SEASON),
    hidden("pair", "requests.get(url, auth=('bob', '{}'))", _SEASON),
    hidden("pair", 'Login(user="bob", pwd="{}")', _SEASON),
    hidden("pair", "connect(host='x', user='y', passwd='{}')", _SEASON, "host='x'"),
    hidden("pair", "<Credentials user=bob secret={}>", _SEASON),
    hidden("pair", "Config(secret_key=SecretStr('{}'))", _SEASON),
    hidden("pair", "Data Source=x;Initial Catalog=y;User ID=z;Password={}", _SEASON, "Data Source=x"),
    hidden("pair", "ldap bind dn=cn=admin,dc=x password={}", _SEASON),
    hidden("pair", "bindpw {}", _SEASON),
    hidden("pair", "smtp auth failed: user=a pass={}", _SEASON),
    hidden("pair", "requirepass {}", _SEASON),
    hidden("pair", 'SASL PLAIN username="a" password="{}"', _SEASON),
    hidden("pair", "password for bob: {}", _SEASON),
    hidden("pair", "Enter password: {}", _SEASON),
    hidden("pair", "new password: {}", _SEASON),
    hidden("pair", "temporary password is {}", _SEASON),
    hidden("pair", "Your password: {}", _SEASON),
    hidden("pair", 'your new password is "{}"', "correcthorse"),
    hidden("pair", "password set to {}", _SEASON),
    hidden("pair", "with password={}", "correcthorse"),
    hidden("pair", "username=bob, password={}, remember=1", "correcthorse", "remember=1"),
    hidden("pair", "[password={}]", "correcthorse"),
    hidden("pair", "<password={}>", "correcthorse"),
    hidden("pair", "password={}.", "correcthorse"),
    hidden("pair", '"password={}"', "correcthorse"),
    hidden("pair", "`password={}`", "correcthorse"),
    hidden("pair", "password={}|host=x", "correcthorse", "host=x"),
    hidden("pair", "password={}\\nhost=x", "correcthorse", "host=x"),
    hidden("pair", "password={}\nhost=x", "correcthorse", "host=x"),
    hidden("pair", "password={}\thost=x", "correcthorse", "host=x"),
    hidden("pair", "a=1,password={},b=2", "correcthorse", "b=2"),
    hidden("pair", "a=1;password={};b=2", "correcthorse", "b=2"),
    hidden("pair", '{"user":{"password":"{}"}}', _SEASON),
    hidden("pair", '{\\"password\\":\\"{}\\"}', _SEASON),
    hidden("pair", '\'{"password": "{}"}\'', _SEASON),
    hidden("pair", 'b\'{"password": "{}"}\'', _SEASON),
    hidden("pair", "{'otp': {}}", "493028"),
    hidden("pair", '{password: "{}"}', _SEASON),
    hidden("pair", "{password:{}}", _SEASON),
    hidden("pair", 'password:"{}"', _SEASON),
    hidden("pair", '{"secret": {"a": "{}", "b": [1,2]}, "n": 1}', _SEASON, '"n": 1'),
    hidden("pair", "OrderedDict([('password', '{}'), ('n', 1)])", _SEASON, "('n', 1)"),
    hidden("pair", "<QueryDict: {'password': ['{}'], 'n': ['1']}>", _SEASON, "'n': ['1']"),
    hidden("pair", "MultiDict([('token', '{}')])", _SEASON),
    hidden("pair", "{b'password': b'{}'}", _SEASON),
    hidden("pair", "kwargs={'password': '{}'} args=()", _SEASON),
    hidden("pair", "Task users.tasks.x[id] raised: ValueError('password={}')", _SEASON),
    hidden("pair", "user bob password {} failed", _SEASON),
    hidden("pair", "login bob with password '{}'", _SEASON),
    hidden("pair", 'password "{}" does not match', "hunter2"),
    hidden("pair", "invalid password: {}", "hunter2"),
    hidden("pair", "Wrong password: {}!", "hunter2"),
    hidden("pair", "pass={}", "hunter2"),
    hidden("pair", "pw={}", "hunter2"),
    hidden("pair", "pw: {}", "hunter2"),
    hidden("pair", "PASS={}", "hunter2"),
    hidden("pair", "DB_PASS: {}", "hunter2"),
    hidden("pair", "userpw={}", "hunter2"),
    hidden("pair", "user:{}@host.example.org", "hunter2"),
    hidden("pair", "ftp://bob:{}@files.example.org/x", "hunter2", "files.example.org/x"),
    hidden("pair", "http://bob:{}@[::1]:8000/", "hunter2"),
    hidden(
        "pair",
        "connecting to 'mysql+pymysql://root:{}@db:3306/app?charset=utf8'",
        "hunter2",
        "db:3306/app?charset=utf8",
    ),
    hidden("pair", "//bob:{}@example.org/x", "hunter2"),
    hidden("pair", "SELECT * FROM users WHERE password = '{}' AND id = 7", _SEASON, "AND id = 7"),
    hidden(
        "pair",
        'INSERT INTO "users" ("email", "password") VALUES (\'x\', \'{}\') RETURNING "id"',
        _SEASON,
        "RETURNING",
    ),
    hidden("pair", "[SQL: x] [parameters: {'email_1': 'x', 'password_1': '{}'}]", _SEASON),
    hidden("pair", "execute(...) password='{}'", _SEASON),
    hidden("pair", "argv ['tool', '-password', '{}', 'run']", PW, "'run'"),
    hidden("sql", "Duplicate entry '{}' for key 'users.token_hash'", "some words", "for key"),
    hidden(
        "sql",
        "(0.001) UPDATE t SET name = '{}' WHERE id = 7; args=None; alias=default",
        "Jane",
        "WHERE id = 7",
    ),
    hidden("scheme", "retry with SSWS {} now", fake("", 40), "retry with", "now"),
    hidden("scheme", 'sent Digest username="bob", response="{}"', fake("", 32, H), "sent Digest"),
    hidden("scheme", "C: AUTH PLAIN {}\r\n", "AGFsaWNlAGNvcnJlY3Rob3JzZQ==", "C: AUTH PLAIN"),
    hidden(
        "url",
        "posted to https://hooks.slack.com/services/{} in 12ms",
        "T0/B0/" + fake("", 24),
        "posted to",
        "in 12ms",
    ),
    hidden(
        "url", "GET /accounts/reset/{}/ 200", "MQ/c3x2b1-" + fake("", 32, H), "GET /accounts/reset/", "200"
    ),
    hidden("pair", "machine a login bob password {}", "correcthorse", "machine a login bob"),
    hidden("task", "TaskPool: Apply <f> (args:('bob', '{}') kwargs:{})", "any text", "TaskPool: Apply"),
]

CASES: tuple[Case, ...] = (
    *(hidden("pair", template, PW, *keep) for template, keep in _PAIRS),
    *(hidden("scheme", template, fake("", 30), keep) for template, keep in _SCHEMES),
    *(
        hidden("url", template, secret)
        for template in _URLS
        for secret in (fake("", 28), "%" + fake("", 12) + "!")
    ),
    hidden("url", "sentry https://{}@o1.ingest.example.io/7", fake("", 32, H), "o1.ingest.example.io/7"),
    *(hidden("vendor", template, token) for token in _VENDORS for template in _AROUND),
    *_PEOPLE,
    *_OTHERS,
    Case("pem", f"loaded {_PEM} ok", tuple(_PEM.split("\n")[1:-1]), ("loaded", "ok")),
    Case("pem", f"loaded {_PEM[:200]}", tuple(_PEM[:200].split("\n")[1:]), ("loaded",)),
    Case("pem", {"note": _PEM.replace("\n", "\\n")}, tuple(_PEM.split("\n")[1:-1])),
    *(kept("kept", text) for text in _KEPT),
    *(Case("field", {name: PW, "n": 7}, (PW,), ('"n":7',)) for name in FIELDS_HIDDEN),
    *(Case("field", {"outer": [{name: {"deep": [PW, 493028]}}]}, (PW, "493028")) for name in FIELDS_HIDDEN),
    *(Case("kept field", {name: "blue-17"}, (), (f'"{name}":"blue-17"',)) for name in FIELDS_KEPT),
)
