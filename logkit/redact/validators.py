"""Is this really one? Checks that keep the value rules from hiding numbers and words that only look alike."""

from __future__ import annotations

import base64
import binascii
import json
import re

from logkit.redact.vocabulary import words

# Country codes of ITU-T E.164 by first digits; longest match wins.
_CALLING_CODES = words(
    """
    1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82
    84 86 90 91 92 93 94 95 98 211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234 235
    236 237 238 239 240 241 242 243 244 245 246 247 248 249 250 251 252 253 254 255 256 257 258 260 261 262 263
    264 265 266 267 268 269 290 291 297 298 299 350 351 352 353 354 355 356 357 358 359 370 371 372 373 374 375
    376 377 378 379 380 381 382 383 385 386 387 389 420 421 423 500 501 502 503 504 505 506 507 508 509 590 591
    592 593 594 595 596 597 598 599 670 672 673 674 675 676 677 678 679 680 681 682 683 685 686 687 688 689 690
    691 692 800 808 850 852 853 855 856 870 878 880 881 882 883 886 888 960 961 962 963 964 965 966 967 968 970
    971 972 973 974 975 976 977 979 992 993 994 995 996 998
    """
)

# Lengths of IBANs by country: the SWIFT IBAN registry.
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
    "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
    "YE": 30,
}  # fmt: skip

UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
LEAST_RANDOM = 16  # characters of what can look random
_TOKEN = re.compile(rf"[A-Za-z0-9_\-+/=.~%]{{{LEAST_RANDOM},}}")


def passes_luhn(digits: str) -> bool:
    """The check of ISO/IEC 7812-1, annex B."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        number = ord(digit) - 48
        total += number if position % 2 == 0 else (number * 2 - 9 if number > 4 else number * 2)
    return total % 10 == 0


def is_card(digits: str, *, near_card_word: bool = False) -> bool:
    """A payment card number: an issuer's prefix, a length that issuer uses, and the check digit."""
    return len(digits) in _issued_lengths(digits, near_card_word) and passes_luhn(digits)


def _issued_lengths(digits: str, near_card_word: bool) -> tuple[int, ...]:
    two, three, four = int(digits[:2]), int(digits[:3]), int(digits[:4])
    if digits[0] == "4":
        return (13, 16, 19)  # Visa
    if 51 <= two <= 55 or 2221 <= four <= 2720:
        return (16,)  # Mastercard
    if two in (34, 37):
        return (15,)  # American Express
    if 300 <= three <= 305 or three == 309 or two in (36, 38, 39):
        return (14, 16)  # Diners Club
    if four == 6011 or 644 <= three <= 649 or two in (65, 60):
        return (16, 19)  # Discover, RuPay
    if two == 62 or two == 81:
        return (16, 17, 18, 19) if near_card_word else (16, 19)  # UnionPay
    if 3528 <= four <= 3589 or four in (3088, 3096, 3112, 3158, 3337):
        return (16, 19)  # JCB
    if four in (
        5018,
        5019,
        5020,
        5038,
        5610,
        5612,
        5893,
        6304,
        6759,
        6761,
        6762,
        6763,
        6767,
        6331,
        6333,
        6334,
        6390,
    ):
        return tuple(range(12, 20)) if near_card_word else (16, 18, 19)  # Maestro, Dankort, Solo
    if 2200 <= four <= 2204 or four in (9792, 5060, 5061, 6500, 5066, 5067):
        return (16, 19)  # Mir, Troy, Verve, Elo
    if near_card_word and digits[0] in "156":
        return tuple(range(12, 20)) if digits[0] != "1" else (15,)  # further Maestro ranges; UATP
    return ()


def iban_length(text: str) -> int:
    """How many characters of `text` (upper case, no separators) are an IBAN: ISO 13616, check by ISO 7064 mod 97-10."""
    length = _IBAN_LENGTHS.get(text[:2], 0)
    if not length or len(text) < length:
        return 0
    candidate = text[4:length] + text[:4]
    if not candidate.isascii() or not candidate.isalnum():
        return 0
    return length if int("".join(str(int(char, 36)) for char in candidate)) % 97 == 1 else 0


def is_phone(digits: str) -> bool:
    """Digits of an international number, country code first: E.164, 8 to 15 digits."""
    if not 8 <= len(digits) <= 15:
        return False
    if digits[0] == "1":  # the North American plan: area and exchange codes start with 2 to 9
        return len(digits) == 11 and digits[1] in "23456789"
    if digits[0] == "7":
        return len(digits) == 11
    return digits[:2] in _CALLING_CODES or digits[:3] in _CALLING_CODES


def is_contact(value: str) -> bool:
    """A number to call in any format, or an address that only a machine of the same house knows: `root@localhost`."""
    at = value.rfind("@")
    return "." not in value[at:] if at >= 0 else _NUMBER.fullmatch(value.strip()) is not None


_NUMBER = re.compile(r"(?!\d{4}-\d\d-\d\d)[+(]{0,2}\d(?:[ ().\-/]{0,3}\d){5,30}")


def is_ssn(area: str, group: str, serial: str) -> bool:
    """A US social security number that can have been issued."""
    return area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"


def is_jwt_header(segment: str) -> bool:
    """Does the first segment of a compact token decode to a JSON object? (RFC 7515, section 3.1)"""
    decoded = _decode(segment)
    if decoded is None or decoded.lstrip()[:1] != b"{":
        return False
    try:
        return isinstance(json.loads(decoded), dict)
    except (ValueError, RecursionError):
        return False


def is_basic(value: str) -> bool:
    """Does a Basic credential decode to `user:password`? (RFC 7617)"""
    decoded = _decode(value)
    return decoded is not None and b":" in decoded and all(byte >= 32 and byte != 127 for byte in decoded)


def _decode(text: str) -> bytes | None:
    try:
        return base64.b64decode(
            text.rstrip("=").translate(_URL_SAFE) + "=" * (-len(text.rstrip("=")) % 4), validate=True
        )
    except (binascii.Error, ValueError):
        return None


_URL_SAFE = {ord("-"): "+", ord("_"): "/"}


def is_id(text: str) -> bool:
    """A UUID or a ULID: names something and opens nothing."""
    return UUID.fullmatch(text) is not None or _ULID.fullmatch(text) is not None


def looks_random(text: str) -> bool:
    """Mixed characters without rhyme or reason, as in tokens; ids, dates and names with numbers have either."""
    if not _TOKEN.fullmatch(text) or is_id(text):
        return False
    return any(_is_random(part) for part in _PART.findall(UUID.sub("-", text)))


def _is_camel_case(part: str) -> bool:
    """Words have one capital in four or five letters, and seldom two in a row; chance has one in two."""
    capitals = sum(map(str.isupper, part)) / len(part)
    return not 0.3 < capitals < 0.7 and not (capitals > 0.2 and len(_CAPITALS.findall(part)) > len(part) / 12)


_CAPITALS = re.compile(r"[A-Z](?=[A-Z])")
_PART = re.compile(r"[A-Za-z0-9]{8,}")
_DATE = re.compile(r"\d{8}T\d{4,6}Z?")
_TURN = re.compile(r"[0-9]+|[A-Z]+|[a-z]+")


def _is_random(part: str) -> bool:
    if part.isalpha():
        return len(part) >= 16 and not _is_camel_case(part)
    if part.isdecimal() or _DATE.fullmatch(part):
        return False
    return len(_TURN.findall(part)) > 3  # `members2024` has two turns, `aB3dE5` six
