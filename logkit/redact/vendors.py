"""Shapes of tokens that announce themselves by a prefix. Facts from the vendors' documentation; one line per family.

Every shape is linear: it starts at a word's beginning, has no nested repeats and ends in one run.
"""

from __future__ import annotations

import re

# Tokens this project mints itself: share links, invitations, resets. (R25)
_OWN = r"fck_[A-Za-z0-9_\-]{16,}"

_CODE_HOSTS = r"""
gh[pousr]_[A-Za-z0-9_]{30,}
github_pat_[A-Za-z0-9_]{22,}
gl(?:pat|dt|rt|rtr|ft|ptt|cbt|imt|agent|oas|soat|ffct|wt)-[A-Za-z0-9_\-=]{16,}(?:\.[A-Za-z0-9_\-]+)*
GR1348941[A-Za-z0-9_\-]{20,}
ATATT3[A-Za-z0-9_\-=]{50,}
AT[CB]TT3[A-Za-z0-9_\-=]{50,}
ATBB[A-Za-z0-9_\-=]{24,}
CCIP(?:AT|RJ)_[A-Za-z0-9_]{20,}
bk[a-z]{2}_[0-9a-z]{40,}
sg[ps]_(?:[0-9a-f]{16}_|local_)?[0-9a-fA-F]{40}
slk_[0-9a-f]{64}
sq[uap]_[0-9a-f]{40}
sgp_[A-Za-z0-9]{60,}
(?:snyk|sn)_(?:uat|sat)\.[a-z0-9]{8}\.[A-Za-z0-9._\-]{20,}
"""

_CLOUDS = r"""
(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])(?:[:;,|/ ]{1,2}[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/]))?
ABSK[A-Za-z0-9+/]{60,}={0,2}
bedrock-api-key-[A-Za-z0-9+/=_\-]{20,}
(?:FwoGZXIvYXdz|IQoJb3JpZ2lu)[A-Za-z0-9+/=%]{50,}
AIza[A-Za-z0-9_\-]{34,}
AQ\.A[A-Za-z0-9_\-]{40,}
ya29\.(?:[a-z]\.)?[A-Za-z0-9_\-]{16,}(?:\.[A-Za-z0-9_\-]+)*
GOCSPX-[A-Za-z0-9_\-]{20,}
1//0[A-Za-z0-9_\-]{25,}
4/0A[A-Za-z0-9_\-]{25,}
AAAA[A-Za-z0-9_\-]{7}:[A-Za-z0-9_\-]{100,}
[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.\-]{31,34}
do[oprt]_v1_[0-9a-f]{64}
HRKU-[A-Za-z0-9_\-]{30,}
(?:fm[12]|fo1)_[A-Za-z0-9_\-/+=]{30,}
rnd_[A-Za-z0-9]{28,}
nf[pcoubt]_[A-Za-z0-9]{36}
vercel_blob_rw_[A-Za-z0-9_]{20,}
vc[pkiars]_[A-Za-z0-9]{24,}
v1\.0-[0-9a-f]{24}-[0-9a-f]{146}
cf(?:ut|at|k)_[A-Za-z0-9]{40,}
LTAI[A-Za-z0-9]{12,24}(?![A-Za-z0-9])
AKID[A-Za-z0-9]{32}
AQVN[A-Za-z0-9_\-]{34,38}
y[0-9]_[A-Za-z0-9_\-]{50,}
t1\.[A-Z0-9a-z_\-]+\.[A-Z0-9a-z_\-]{80,}
AVNS_[A-Za-z0-9_\-]{15,}
tskey-[a-z]+-[A-Za-z0-9\-]{16,}
dapi[0-9a-f]{32}(?:-\d)?
sha256~[A-Za-z0-9_\-]{43}
s\.CAES[A-Za-z0-9_\-]{60,}
s\.(?=[A-Za-z]{0,22}\d)(?=[a-z0-9]{0,22}[A-Z])(?=[A-Z0-9]{0,22}[a-z])[A-Za-z0-9]{24}(?![A-Za-z0-9.(])
hv[sbr]\.[A-Za-z0-9_\-]{20,}
[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_\-=]{40,}
pul-[0-9a-f]{40}
dp\.(?:pt|st|ct|scim|audit|sa|said)\.(?:[A-Za-z0-9_\-]{2,35}\.)?[A-Za-z0-9]{30,}
ops_eyJ[A-Za-z0-9+/_\-=]{50,}
A3-[A-Z0-9]{6}-[A-Z0-9]{6,11}-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}(?:-[A-Z0-9]{5})?
AGE-SECRET-KEY-1[0-9A-Z]{20,}
pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_=.\-]{32,}
npg_[A-Za-z0-9]{12,}
napi_[a-z0-9]{40,}
mdb_sa_sk_[A-Za-z0-9_\-]{30,}
sbp_(?:v0_)?[0-9a-f]{40}
sb_secret_[A-Za-z0-9_\-]{20,}
4b1d[A-Za-z0-9]{38}
SCWSECRET[A-Za-z0-9]{16,}
tk-us-[A-Za-z0-9_\-]{48}
dnkey-[a-z0-9=_\-]{26}-[a-z0-9=_\-]{52}
"""

_PACKAGES = r"""
npm_[A-Za-z0-9]{36}
pypi-[A-Za-z0-9_\-]{32,}
rubygems_[0-9a-f]{48}
cio[a-zA-Z0-9]{32}(?![A-Za-z0-9])
oy2[a-z0-9]{43}
dckr_(?:pat|oat)_[A-Za-z0-9_\-]{20,}
CLOJARS_[A-Za-z0-9]{60}
AKCp[A-Za-z0-9]{10,}
cmVmd[A-Za-z0-9]{55,}
packagist_[a-z]{3}_[0-9a-f]{40,}
PMAK-[A-Za-z0-9]{24}-[A-Za-z0-9]{34}
pnu_[A-Za-z0-9]{36}
"""

_MESSAGING = r"""
xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9\-]{10,}
x(?:app|wfp)-[A-Za-z0-9\-]{16,}
[MNO][A-Za-z0-9_\-]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,38}
SK[0-9a-fA-F]{32}(?![A-Za-z0-9])
(?:AC|SK)[0-9a-f]{32}:[0-9a-f]{32}(?![A-Za-z0-9])
BBFF-[A-Za-z0-9]{30}
VF\.(?:DM|WS)\.[0-9a-f]{24}\.[A-Za-z0-9]{16}
KEY[A-Za-z0-9][A-Za-z0-9_\-]{54}(?![A-Za-z0-9_\-])
SG\.[A-Za-z0-9_\-]{16,32}\.[A-Za-z0-9_\-]{16,64}
(?:key|pubkey)-[0-9a-f]{32}(?![A-Za-z0-9])
[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}(?![A-Za-z0-9\-])
[0-9a-f]{32}-us\d{1,2}(?![A-Za-z0-9])
mlsn\.[0-9a-f]{64}
apify_api_[A-Za-z0-9]{30,}
md-[A-Za-z0-9_\-]{22}(?![A-Za-z0-9_\-])
x(?:key|smtp)sib-[0-9a-f]{64}-[A-Za-z0-9]{16}
re_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}
vk1\.a\.[A-Za-z0-9_\-]{40,}
EAA[A-Za-z0-9]{60,}
\d{15,16}(?:\||%7[Cc])[A-Za-z0-9_\-]{27,40}(?![A-Za-z0-9_\-])
A{20,}[A-Za-z0-9%]{35,}
WPL_AP1\.[A-Za-z0-9_\-.=]{16,}
sendbird_[A-Za-z0-9]{30,}
"""

_MONEY = r"""
(?:sk|rk|mk)_(?:live|test|prod|org)_[A-Za-z0-9_]{10,}
(?:pi|seti|cs|src|pm|cuss)_[A-Za-z0-9]+_secret_[A-Za-z0-9_]{10,}
whsec_[A-Za-z0-9+/=]{20,}
sq0[a-z]{3}-[A-Za-z0-9_\-]{22,}
EAAA[A-Za-z0-9_\-]{22,}
AQE[A-Za-z0-9+/]{0,8}hmfx[A-Za-z0-9+/=.\-]{20,}
access_token\$(?:production|sandbox)\$[a-z0-9]{16}\$[0-9a-f]{32}
access-(?:sandbox|development|production)-[0-9a-f]{8}-[0-9a-f\-]{27}
FLWSECK(?:_TEST)?-[A-Za-z0-9]{12,}(?:-X)?
rzp_(?:live|test)_[A-Za-z0-9]{14,}
ak_live_[A-Za-z0-9]{30}
tokencc_[a-z]{2}_(?:[a-z0-9]{6}_){3,4}[a-z0-9]{3,6}
shltm_[A-Za-z0-9]{16,}
shp(?:at|ca|pa|ss|tka|ua)_[0-9A-Fa-f]{32}
shippo_(?:live|test)_[0-9a-f]{40}
(?:live|test)_(?:pub_)?[0-9a-f]{31,35}(?![A-Za-z0-9])
EZ[AT]K[A-Za-z0-9]{54}
duffel_(?:test|live)_[A-Za-z0-9_\-=]{43}
live_[A-Za-z0-9_\-=]{40}
pk_(?=[a-z]{0,33}\d)[0-9a-z]{34}(?![A-Za-z0-9])
pk_\d{6,8}_[A-Z0-9]{32}
"""

_MODELS = r"""
sk-(?:proj|svcacct|admin|None|ant|or|lf|service)-[A-Za-z0-9_\-]{16,}
sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}
sk-(?=[A-Za-z]{0,40}\d)[A-Za-z0-9]{32,}
sk_(?:[0-9a-f]{48})
(?:xai|gsk|pplx|nvapi|tvly|fw|csk|pcsk|jina|rpa|esecret)[_\-](?=[A-Za-z_\-]{0,40}\d)[A-Za-z0-9_\-]{20,}
r8_[A-Za-z0-9]{37}
(?:hf|api_org)_[A-Za-z]{34}
hf_[A-Za-z0-9]{30,}
lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}
wandb_v1_[A-Za-z0-9_]{20,}
"""

_TOOLS = r"""
sntry[su]_[A-Za-z0-9+/=_\-]{32,}
ph[xs]_[A-Za-z0-9_\-]{40,}
NRAK-[A-Z0-9]{27}
NRJS-[a-f0-9]{19}
NRI[IQ]-[A-Za-z0-9_\-]{32}
NRA[A-Z]-[A-Za-z0-9]{27}
(?:[a-z]{2}\d{2}xx)?[0-9a-z]{30,36}NRAL
glsa_[A-Za-z0-9]{32}_[0-9A-Fa-f]{8}
glc_[A-Za-z0-9+/=]{32,}
eyJrIjoi[A-Za-z0-9+/=]{60,}
dt0[a-z]\d\d\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{64}
aio_[A-Za-z0-9]{28}
odt_(?:[A-Za-z0-9]{8}_)?[A-Za-z0-9]{32,36}(?![A-Za-z0-9])
ion_[A-Za-z0-9]{42}
scp-(?:live|test)-[0-9a-f]{32}
tkn\.v1_[A-Za-z0-9+/=]{40,}
1000\.[0-9a-f]{32}\.[0-9a-f]{30,32}(?![A-Za-z0-9])
00D[A-Za-z0-9]{12,15}![A-Za-z0-9._]{80,}
00(?=[A-Za-z0-9_\-]{0,38}\d)(?=[a-z0-9_\-]{0,38}[A-Z])(?=[A-Z0-9_\-]{0,38}[a-z])[A-Za-z0-9_\-]{40}(?![A-Za-z0-9_\-=.])
hc[abix][a-z]{2}_[a-z0-9]{58}
lin_(?:api|oauth)_[A-Za-z0-9]{32,}
ntn_[A-Za-z0-9]{40,}
secret_[A-Za-z0-9]{43}(?![A-Za-z0-9])
[0-9]/[0-9]{16}(?:/[0-9]{16})?:[0-9a-f]{32}
pat[A-Za-z0-9]{14}\.[0-9a-f]{64}
pat-(?:na|eu|ap)\d-[0-9a-f]{8}-[0-9a-f\-]{27}
fig[doru][A-Za-z]?_[A-Za-z0-9_\-]{40,}
CFPAT-[A-Za-z0-9_\-]{43}
sl\.(?:u\.)?[A-Za-z0-9_\-]{60,}
tfp_[A-Za-z0-9_.=\-]{40,}
rdme_[a-z0-9]{70}
p8e-[A-Za-z0-9]{32}
f?fio-u-[A-Za-z0-9_\-=]{64}
ico-[A-Za-z0-9]{32}
s-s4t2(?:ud|af)-[0-9a-f]{64}
sm_(?:aat|pat|sat)_[A-Za-z0-9]{16,}
[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk
sk\.eyJ[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}
API-[A-Z0-9]{26,32}(?![A-Za-z0-9])
b_[a-z0-9=_\-]{44}(?![A-Za-z0-9=_\-])
(?:sdk|mob)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}
dG9rO[A-Za-z0-9+/=]{40,}
[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}
gAAAAA[A-Za-z0-9_\-]{60,}={0,2}
[vk][1-4]\.(?:local|public|secret)\.[A-Za-z0-9_\-]{20,}(?:\.[A-Za-z0-9_\-]+)?
ZXlK[A-Za-z0-9+/]{60,}={0,2}
(?:pat|sat)\.[A-Za-z0-9_\-]{22}\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{20}
(?:sc|ext|scauth|authress)_[A-Za-z0-9]{5,30}\.[A-Za-z0-9]{4,6}\.acc[_\-][A-Za-z0-9\-]{10,32}\.[A-Za-z0-9+/_=\-]{30,}
[A-Za-z0-9_\-]{24}\.(?:ey[A-Za-z0-9_\-]+)\.secret
"""


def _shapes(*families: str) -> str:
    return "|".join(line for family in families for line in family.split("\n") if line)


TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Za-z0-9][\w.\-/$:~+]{11})(?:"
    + _shapes(_OWN, _CODE_HOSTS, _CLOUDS, _PACKAGES, _MESSAGING, _MONEY, _MODELS, _TOOLS)
    + ")"
)

# URLs whose path is the credential: the part named `secret` is hidden, the host stays.
WEBHOOK = re.compile(
    r"(?:hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/"
    r"|discord(?:app)?\.com/api/(?:v\d+/)?webhooks/"
    r"|\.webhook\.office\.com/webhookb2/|outlook\.office\.com/webhook/"
    r"|open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/(?:v2/)?hook/"
    r"|hooks\.zapier\.com/hooks/catch/|maker\.ifttt\.com/trigger/[\w\-]{1,64}/(?:json/)?with/key/"
    r"|hc-ping\.com/|\.tines\.com/webhook/|hooks\.chime\.aws/incomingwebhooks/|api\.pushcut\.io/)"
    r"(?P<secret>[^\s\"'<>\\]+)"
)
WEBHOOK_HOSTS = (
    "hooks.", "webhook", "open.feishu", "open.larksuite", "maker.ifttt", "hc-ping", "api.pushcut",
)  # fmt: skip
TELEGRAM = re.compile(r"(?<!\d)(\d{6,12}):(AA[A-Za-z0-9_\-]{30,})")
