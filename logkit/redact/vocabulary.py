"""The words that make a name sensitive, and the words that take it back. Facts only; `keys` does the matching.

A name is split into lower-case words first (`userApiKey2` is user, api, key). See `docs/explanation/privacy.md`.
"""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Sensitive wherever they stand, unless a veto stands beside them.
WIDE = words(
    """
    password passwords passwd passwds passphrase passphrases passcode passcodes pwd pwds pswd psw passwort
    kennwort contrasena senha motdepasse mdp wachtwoord haslo parola losenord adgangskode passord salasana heslo
    jelszo sifre secret secrets secrete token tokens credential credentials creds cred otp totp hotp jwt jwts
    apikey apikeys cvv cvc cvn csc ssn iban msisdn htpasswd sshpass psk mnemonic phone telephone phones cellphone
    cpf aadhaar aadhar pesel curp bsn sessionid sessid sessionkey phpsessid jsessionid aspsessionid xsrf csrftoken
    dbpass smtppass userpass adminpass rootpass ftppass mailpass mysqlpass userpw dbpw bindpw rootpw adminpw
    tokenvalue keytab privatekey secretkey accesskey authkey authtoken accesstoken refreshtoken clientsecret
    creditcard cardnumber argsrepr kwargsrepr samlresponse samlrequest signingkey encryptionkey masterkey
    sharedkey accountkey passkey
    contraseña hasło lösenord jelszó şifre пароль пароля
    contrasenya lozinka geslo parool kodeord slaptažodis parolă лозинка парола κωδικός
    secrète secreta secreto segredo segreto geheimnis
    密码 密碼 口令 暗証番号 パスワード 비밀번호 암호
    """
)

# Sensitive only as the last word or before a word of CARRIERS: `basic_auth` and `auth_header`, not `auth_method`.
NARROW = words(
    """
    auth authorization authorisation cookie cookies session sessions pass pin pins csrf bearer dob passport birthday
    birthdate salt salts xauth setcookie ccnum pw symfony clave
    """
)
CARRIERS = words(
    """
    header headers value values data string blob raw plain plaintext token tokens key secret code codes password
    pass cookie cookies jar credential credentials number num no hash digest content body text payload
    """
)

# Two or more words that are sensitive together.
PAIRS = frozenset(
    tuple(pair.split())
    for pair in """
    api key|api keys|access key|access keys|secret key|private key|private keys|encryption key|decryption key
    signing key|master key|auth key|session key|shared key|account key|ssh key|rsa key|license key|licence key
    service key|subscription key|hmac key|aes key|deploy key|webhook key|app key|application key|consumer key
    stripe key|openai key|anthropic key|mailgun key|sendgrid key|twilio key|aws key|azure key|github key|gitlab key
    google key|maps key|fernet key|jwk private|crypt key|cipher key|symmetric key|recovery key|backup key|ssl key
    tls key|pem key|wallet key|integration key|write key|ingest key|instrumentation key|pgp key|gpg key|pass key
    session id|session ids|sess id|session token|connect sid|php sess|set cookie|card number|card no|card num
    cc number|cc num|credit card|debit card|account number|account no|bank account|routing number|sort code
    social security|security code|verification code|verify code|auth code|authorization code|authentication code
    access code|confirmation code|confirm code|login code|signin code|reset code|sms code|mfa code|tfa code|fa code
    otp code|backup code|backup codes|recovery code|recovery codes|invite code|invitation code|activation code
    device code|user code|one time code|pin code|pass code|pass word|pass phrase|pass wd|tax id|national id
    passport number|passport no|driver license|drivers license|driver licence|date of birth|birth date|phone number
    mobile number|mobile phone|cell phone|tel number|security answer|secret answer|maiden name|seed phrase
    recovery phrase|functions key|function key|admin key|storage key|connection key|certificate key|cert key
    factor code|factor codes|acct number|ss number|insurance number|driving licence|driving license|contact number
    fax number|whatsapp number|private pem|pem private|saml assertion|vault secret id|mật khẩu|palabra clave
    parola d ordine|pan number|twofactor code|recaptcha response|captcha response|hcaptcha response
    turnstile response|product key|medicare number|health number|nhs number|question answer|db key|database key
    priv key|client key|oauth code|oauth state|oauth verifier|remember me|code verifier|saml response|saml request
    client assertion|magic link|reset link|invite link|share link|reset url|magic url|invite url|share url
    amz credential|mot de passe|unseal key|preshared key|pre shared key|jenkins crumb|sonar login
    palavra passe|palavra chave|kata sandi
    """.replace("\n", "|").split("|")
    if pair.strip()
)

# A name whose sensitive word is followed by one of these says something about the secret, not the secret.
AFTER = words(
    """
    count counts counter total totals length len size sizes type types kind name names id ids uuid ttl age expiry
    expires expired expiration expire expiring exp at on in date time timestamp times changed change changes updated
    update created create creation rotated rotation rotate revoked revocation issued reset resets required requires
    require valid invalid validity validation validator validators validated enabled disabled set present exist
    exists used usage use uses limit limits policy policies strength score status state method methods scheme
    schemes backend backends provider providers version versions algorithm algorithms alg hasher hashers field
    fields column columns label path paths dir file filename files url urls uri uris endpoint endpoints host
    hostname port prefix suffix last rate rates min max minimum maximum attempt attempts retries failure failures
    error errors fail failed failing success successes successful succeeded verified verification confirmed days
    hours minutes seconds ms sec secs bytes index num per scope scopes audience issuer domain samesite httponly
    budget cost costs window class classes management manager service flow grant mode source stage step event events
    action actions reason needed missing allowed accepted consent banner engine serializer store storage duration
    start started end ended active arn level flag flags group groups latency region brand country currency network
    model platform vendor os compromised breached leaked complexity quality match matches matched mismatch ok ratio
    percent percentage order template templates rule rules rounds iteration iterations loaded lifetime bucket
    position supported sent found scanned purged detected exhausted requested submitted owner owners username role
    roles history reuse entropy similarity purpose leeway delivered opened clicked carrier carriers encoder encoders
    decoder address symbol decimals balance supply holder holders view views page form help text_length format
    formats pattern permission permissions remaining consumed generated refreshed locked unlocked question questions
    category title description
    """
)
# A name that starts a sensitive word with one of these counts it, or asks about it.
BEFORE = words(
    """
    is has had have was were needs need requires require required should can may must use uses used using num n no
    count max min total missing without remaining prompt completion input output cached reasoning avg average per
    enable enabled disable disabled allow allows show supports support forgot
    """
)
BEFORE_PASS = words(
    "first second third test boarding ski bus season low high band two one multi single final by"
)

# Words run together: a word that ends in, or starts with, one of these.
ENDS = (
    "password", "passwd", "passphrase", "passcode", "passwort", "kennwort", "pwd", "secret", "token", "tokens",
    "apikey", "secretkey", "privatekey", "privkey", "servicekey", "accountkey", "dbpass", "keypass", "storepass",
    "userpass", "accesskey", "authkey", "signingkey", "encryptionkey", "masterkey", "sessionid", "sessionkey",
    "sessid", "credential", "credentials", "cookie", "authorization", "cardnumber",
)  # fmt: skip
STARTS = (
    "password", "passwd", "passphrase", "apikey", "secretkey", "privatekey", "accesstoken", "authtoken",
    "refreshtoken",
    "sessionid", "clientsecret", "creditcard", "cardnumber", "aspsessionid", "csrfmiddleware",
)  # fmt: skip
NOT_RUN_TOGETHER = words("passwordless tokens detoken subtoken cookiecutter nontoken betoken tokenization")

# Plurals: with a bare number they are a count (`sessions=3`).
COUNTABLE = words(
    "passwords passcodes passphrases secrets tokens credentials creds cookies sessions pins phones jwts apikeys"
)

# Hidden only when the value looks like a random token: the name alone says too little.
WEAK = words(
    "key private sig signature sigs state nonce code sid hmac ticket assertion salt seed dsn pan hash_key authenticity"
)

# What such a key finds or names: a random-looking one is no secret.
KEYS_OF_DATA = words(
    """
    cache caches object objects s primary foreign partition sort row record range index idx hash shard routing
    message event events group dedup dedupe deduplication idempotency idempotence request correlation trace lookup
    search translation i locale lang msg label field dict json map item entry file folder blob bucket storage path
    url slug route topic queue job task lock rate limit throttle public host known pub issue project ticket jira
    license order composite natural surrogate candidate unique content asset image thumbnail etag block column
    sentry fingerprint session parent child node edge cursor page pagination next last start end exclusive feature
    flag config setting settings option state redis memcached kv value id uuid chunk upload media attachment
    """
)

SIGNATURES = words("sig signature signatures hmac nonce sid pat")

# Hidden only when the value looks like an address or a number to call: `mobile` may say `android`.
CONTACTS = words("email mail mobile cell tel fax whatsapp viber recipient")

# Before a colon these are as often a topic as a name: `session: started`.
TOPICS = words(
    "token tokens session sessions auth bearer cookie cookies credentials csrf jwt otp totp hotp mfa phone"
)
# What stands after `auth=` and names a way to log in instead of a secret.
METHODS = words(
    """
    ldap ldaps basic bearer digest oauth oauth2 oidc saml saml2 sso jwt token session sessions cookie cookies
    password passwords ntlm kerberos spnego negotiate mtls tls none apikey local anonymous guest required optional
    model remote certificate cert hmac iam sigv4 plain login external internal
    """
)

# Such a word before `_ref`: the field survives only with a pseudonym. `identifier` is what was typed to log in.
REFERENCES = words(
    "session identifier email phone token user username login account card device password cookie"
)

# Names of columns and form fields, as they stand in lists of names: `["password", "email"]` is no pair.
FIELD_NAMES = words(
    """
    last_login is_superuser user_permissions user_id owner_id
    id pk uuid name names username user email first_name last_name full_name login identifier is_active is_staff
    date_joined title slug status type role roles group groups permissions created_at updated_at created updated
    description phone address country language locale timezone true false none null on off yes no
    """
)
