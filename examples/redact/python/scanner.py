"""Finds personal data in bytes; the rules are in ../README.md."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

#: In the order of the passes.
PASSES = ("email", "iban", "card", "phone")
#: In the order they are written.
KINDS = ("email", "phone", "iban", "card")

DIGITS = frozenset(b"0123456789")
UPPER = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
LETTERS = UPPER | frozenset(b"abcdefghijklmnopqrstuvwxyz")
ALNUM = DIGITS | LETTERS
LOCAL = ALNUM | frozenset(b"._%+-")
DOMAIN = ALNUM | frozenset(b".-")
PHONE_SEPARATORS = frozenset(b" -./()")


@dataclass(frozen=True)
class Finding:
    """A stretch of bytes, the end exclusive."""

    kind: str
    start: int
    end: int


def scan(text: bytes, kinds: set[str]) -> Iterator[tuple[str, list[Finding]]]:
    """The findings of each configured kind, a pass at a time."""
    work = bytearray(text)
    for kind in PASSES:
        if kind in kinds:
            yield kind, _pass(work, kind)


def _pass(work: bytearray, kind: str) -> list[Finding]:
    find = {"email": _email, "iban": _iban, "card": _card, "phone": _phone}[kind]
    found = []
    at = 0
    while at < len(work):
        span = find(work, at)
        if span is None:
            at += 1
            continue
        start, end = span
        work[start:end] = bytes(end - start)
        found.append(Finding(kind, start, end))
        at = end
    return found


def _email(work: bytearray, at: int) -> tuple[int, int] | None:
    if work[at] != ord("@"):
        return None
    start = at
    while start > 0 and work[start - 1] in LOCAL:
        start -= 1
    while start < at and work[start] not in ALNUM:
        start += 1
    end = at + 1
    while end < len(work) and work[end] in DOMAIN:
        end += 1
    while end > at + 1 and work[end - 1] in b".-":
        end -= 1
    return (start, end) if 1 <= at - start <= 64 and _is_domain(bytes(work[at + 1 : end])) else None


def _is_domain(domain: bytes) -> bool:
    labels = domain.split(b".")
    if len(domain) > 253 or len(labels) < 2:
        return False
    if any(not 1 <= len(label) <= 63 or label[0] in b"-" or label[-1] in b"-" for label in labels):
        return False
    return len(labels[-1]) >= 2 and labels[-1][0] in LETTERS


def _starts(work: bytearray, at: int) -> bool:
    return at == 0 or work[at - 1] not in ALNUM


def _ends(work: bytearray, at: int, symbols: frozenset[int], separators: frozenset[int], between: int, most: int) -> list[tuple[int, bytes]]:
    """The ends of a run, the longest last, each with the symbols up to it."""
    ends = []
    read = bytearray()
    while len(read) < most:
        read.append(work[at])
        at += 1
        if at == len(work) or work[at] not in ALNUM:
            ends.append((at, bytes(read)))
        gap = 0
        while gap < between and at + gap < len(work) and work[at + gap] in separators:
            gap += 1
        if at + gap == len(work) or work[at + gap] not in symbols:
            break
        at += gap
    return ends


def _iban(work: bytearray, at: int) -> tuple[int, int] | None:
    head = work[at : at + 4]
    if len(head) < 4 or not _starts(work, at):
        return None
    if head[0] not in UPPER or head[1] not in UPPER or head[2] not in DIGITS or head[3] not in DIGITS:
        return None
    for end, symbols in reversed(_ends(work, at, UPPER | DIGITS, frozenset(b" "), 1, 34)):
        if len(symbols) >= 15 and _mod_97(symbols) == 1:
            return at, end
    return None


def _mod_97(symbols: bytes) -> int:
    rest = 0
    for symbol in symbols[4:] + symbols[:4]:
        rest = (rest * 10 + symbol - 48) % 97 if symbol in DIGITS else (rest * 100 + symbol - 55) % 97
    return rest


def _card(work: bytearray, at: int) -> tuple[int, int] | None:
    if not 50 <= work[at] <= 54 or not _starts(work, at):
        return None
    for end, symbols in reversed(_ends(work, at, DIGITS, frozenset(b" -"), 1, 19)):
        if len(symbols) >= 13 and _luhn(symbols):
            return at, end
    return None


def _luhn(symbols: bytes) -> bool:
    total = 0
    for place, symbol in enumerate(reversed(symbols)):
        digit = symbol - 48
        if place % 2 == 1:
            digit = digit * 2 - 9 if digit > 4 else digit * 2
        total += digit
    return total % 10 == 0


def _phone(work: bytearray, at: int) -> tuple[int, int] | None:
    if work[at] not in b"+(0123456789" or not _starts(work, at):
        return None
    if work[at] == ord("+"):
        first = at + 1
        return _number(work, at, first, 8) if first < len(work) and 49 <= work[first] <= 57 else None
    first = at + 1 if work[at] == ord("(") else at
    if first < len(work) and work[first] == ord("0"):
        group = first
        while group < len(work) and work[group] in DIGITS:
            group += 1
        return _number(work, at, first, 9) if group - first >= 3 else None
    return _north_american(work, at)


def _number(work: bytearray, at: int, first: int, least: int) -> tuple[int, int] | None:
    for end, symbols in reversed(_ends(work, first, DIGITS, PHONE_SEPARATORS, 2, 15)):
        if len(symbols) >= least:
            return at, end
    return None


SHAPES = (b"DDD-DDD-DDDD", b"DDD.DDD.DDDD", b"DDD DDD DDDD", b"(DDD) DDD-DDDD", b"(DDD)DDD-DDDD")


def _north_american(work: bytearray, at: int) -> tuple[int, int] | None:
    first = at + 1 if work[at] == ord("(") else at
    if first >= len(work) or not 50 <= work[first] <= 57:
        return None
    for shape in SHAPES:
        end = at + len(shape)
        if end > len(work) or (end < len(work) and work[end] in ALNUM):
            continue
        if all(work[at + place] in DIGITS if want == ord("D") else work[at + place] == want for place, want in enumerate(shape)):
            return at, end
    return None
