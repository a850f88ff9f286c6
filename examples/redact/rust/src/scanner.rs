//! Finds personal data in bytes; the rules are in ../../README.md.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// What is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Email,
    Phone,
    Iban,
    Card,
}

/// In the order of the passes.
pub const PASSES: [Kind; 4] = [Kind::Email, Kind::Iban, Kind::Card, Kind::Phone];

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Iban => "iban",
            Self::Card => "card",
        })
    }
}

/// A stretch of bytes, the end exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

/// The findings of one kind, which are overwritten with zero bytes.
pub fn pass(work: &mut [u8], kind: Kind) -> Vec<Finding> {
    let find = match kind {
        Kind::Email => email,
        Kind::Phone => phone,
        Kind::Iban => iban,
        Kind::Card => card,
    };
    let mut found = Vec::new();
    let mut at = 0;
    while at < work.len() {
        let Some(Range { start, end }) = find(work, at) else {
            at += 1;
            continue;
        };
        work[start..end].fill(0);
        found.push(Finding { kind, start, end });
        at = end;
    }
    found
}

/// The byte at a place; past the end a zero, which is in no class.
fn byte_at(work: &[u8], at: usize) -> u8 {
    work.get(at).copied().unwrap_or(0)
}

fn starts(work: &[u8], at: usize) -> bool {
    at == 0 || !work[at - 1].is_ascii_alphanumeric()
}

fn email(work: &[u8], at: usize) -> Option<Range<usize>> {
    let is_local = |byte: &u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(byte);
    let is_domain = |byte: &&u8| byte.is_ascii_alphanumeric() || b".-".contains(byte);
    if work[at] != b'@' {
        return None;
    }
    let local = work[..at].iter().rev().take_while(|byte| is_local(byte)).count();
    let odd = work[at - local..at].iter().take_while(|byte| !byte.is_ascii_alphanumeric()).count();
    let start = at - local + odd;
    let mut end = at + 1 + work[at + 1..].iter().take_while(is_domain).count();
    while end > at + 1 && b".-".contains(&work[end - 1]) {
        end -= 1;
    }
    ((1..=64).contains(&(at - start)) && are_labels(&work[at + 1..end])).then_some(start..end)
}

fn are_labels(domain: &[u8]) -> bool {
    let labels: Vec<&[u8]> = domain.split(|byte| *byte == b'.').collect();
    let fits = |label: &&[u8]| (1..=63).contains(&label.len()) && !label.starts_with(b"-") && !label.ends_with(b"-");
    let last = labels[labels.len() - 1];
    domain.len() <= 253
        && labels.len() >= 2
        && labels.iter().all(fits)
        && last.len() >= 2
        && last[0].is_ascii_alphabetic()
}

/// What a run is made of, and what fits.
struct Rule {
    is_symbol: fn(u8) -> bool,
    separators: &'static [u8],
    between_max: usize,
    symbols_min: usize,
    symbols_max: usize,
    fits: fn(&[u8]) -> bool,
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

fn is_iban_symbol(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

const IBAN: Rule = Rule {
    is_symbol: is_iban_symbol,
    separators: b" ",
    between_max: 1,
    symbols_min: 15,
    symbols_max: 34,
    fits: |symbols| mod_97(symbols) == 1,
};

const CARD: Rule =
    Rule { is_symbol: is_digit, separators: b" -", between_max: 1, symbols_min: 13, symbols_max: 19, fits: luhn };

const PHONE: Rule = Rule {
    is_symbol: is_digit,
    separators: b" -./()",
    between_max: 2,
    symbols_min: 8,
    symbols_max: 15,
    fits: |_| true,
};

/// The end of the longest run from `first` that fits.
fn run(work: &[u8], first: usize, rule: &Rule) -> Option<usize> {
    let mut symbols = Vec::with_capacity(rule.symbols_max);
    let mut at = first;
    let mut end = None;
    while symbols.len() < rule.symbols_max {
        symbols.push(work[at]);
        at += 1;
        let is_end = !byte_at(work, at).is_ascii_alphanumeric();
        if is_end && symbols.len() >= rule.symbols_min && (rule.fits)(&symbols) {
            end = Some(at);
        }
        let rest = work[at..].iter().take(rule.between_max);
        let gap = rest.take_while(|byte| rule.separators.contains(byte)).count();
        if !(rule.is_symbol)(byte_at(work, at + gap)) {
            break;
        }
        at += gap;
    }
    end
}

fn iban(work: &[u8], at: usize) -> Option<Range<usize>> {
    let head = [0, 1, 2, 3].map(|place| byte_at(work, at + place));
    let is_head = head[..2].iter().all(u8::is_ascii_uppercase) && head[2..].iter().all(u8::is_ascii_digit);
    (is_head && starts(work, at)).then(|| run(work, at, &IBAN)).flatten().map(|end| at..end)
}

fn mod_97(symbols: &[u8]) -> u32 {
    symbols[4..].iter().chain(&symbols[..4]).fold(0, |rest, symbol| match symbol {
        b'0'..=b'9' => (rest * 10 + u32::from(symbol - b'0')) % 97,
        _ => (rest * 100 + u32::from(symbol - b'A') + 10) % 97,
    })
}

fn card(work: &[u8], at: usize) -> Option<Range<usize>> {
    let is_first = (b'2'..=b'6').contains(&work[at]) && starts(work, at);
    is_first.then(|| run(work, at, &CARD)).flatten().map(|end| at..end)
}

fn luhn(symbols: &[u8]) -> bool {
    let digits = symbols.iter().rev().map(|symbol| u32::from(symbol - b'0')).enumerate();
    let total: u32 = digits
        .map(|(place, digit)| match place % 2 {
            0 => digit,
            _ if digit > 4 => digit * 2 - 9,
            _ => digit * 2,
        })
        .sum();
    total % 10 == 0
}

fn phone(work: &[u8], at: usize) -> Option<Range<usize>> {
    let byte = work[at];
    if !(byte.is_ascii_digit() || byte == b'+' || byte == b'(') || !starts(work, at) {
        return None;
    }
    if byte == b'+' {
        let is_first = (b'1'..=b'9').contains(&byte_at(work, at + 1));
        return is_first.then(|| run(work, at + 1, &PHONE)).flatten().map(|end| at..end);
    }
    let first = if byte == b'(' { at + 1 } else { at };
    if byte_at(work, first) == b'0' {
        let group = work[first..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let national = Rule { symbols_min: 9, ..PHONE };
        return (group >= 3).then(|| run(work, first, &national)).flatten().map(|end| at..end);
    }
    north_american(work, at, first)
}

const SHAPES: [&[u8]; 5] = [b"DDD-DDD-DDDD", b"DDD.DDD.DDDD", b"DDD DDD DDDD", b"(DDD) DDD-DDDD", b"(DDD)DDD-DDDD"];

fn north_american(work: &[u8], at: usize, first: usize) -> Option<Range<usize>> {
    if !(b'2'..=b'9').contains(&byte_at(work, first)) {
        return None;
    }
    let fits = |shape: &&[u8]| {
        let mut bytes = shape.iter().enumerate().map(|(place, want)| (*want, byte_at(work, at + place)));
        let same = bytes.all(|(want, byte)| if want == b'D' { byte.is_ascii_digit() } else { byte == want });
        same && !byte_at(work, at + shape.len()).is_ascii_alphanumeric()
    };
    SHAPES.iter().find(|shape| fits(shape)).map(|shape| at..at + shape.len())
}
