//! Dates and amounts.

use crate::kinds::Kind;
use crate::language::Language;
use crate::lexicon::Lexicon;
use crate::tokens::{Token, TokenKind};

/// A value found at a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// Tokens it takes.
    pub tokens: usize,
    /// [`Kind::Date`] or [`Kind::Amount`].
    pub kind: Kind,
    /// The same for every way to write the same value, as far as that is certain.
    pub key: String,
}

/// Reads tokens one behind the other.
struct Cursor<'a> {
    document: &'a str,
    tokens: &'a [Token],
    at: usize,
    lexicon: &'a Lexicon,
    language: Language,
}

/// The date or amount that starts at `tokens[at]`.
pub fn value_at(document: &str, tokens: &[Token], at: usize, lexicon: &Lexicon, language: Language) -> Option<Value> {
    let cursor = |at| Cursor { document, tokens, at, lexicon, language };
    let found = |end: usize, kind: Kind, key: String| Value { tokens: end - at, kind, key };
    let mut date = cursor(at);
    if let Some(key) = date.date() {
        return Some(found(date.at, Kind::Date, key));
    }
    let mut amount = cursor(at);
    amount.amount().then(|| {
        let text = &document[tokens[at].start..tokens[amount.at - 1].end];
        found(amount.at, Kind::Amount, text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase())
    })
}

/// Words behind which four digits are a year.
const YEAR_CUES: [&str; 28] = [
    "in",
    "since",
    "until",
    "during",
    "year",
    "by",
    "im",
    "jahr",
    "jahre",
    "seit",
    "ab",
    "bis",
    "wurde",
    "wurden",
    "ende",
    "anfang",
    "mitte",
    "sommer",
    "herbst",
    "winter",
    "frühjahr",
    "en",
    "depuis",
    "année",
    "año",
    "desde",
    "hasta",
    "vers",
];

/// Scales of money.
const SCALES: [&str; 17] = [
    "million",
    "millions",
    "billion",
    "billions",
    "trillion",
    "thousand",
    "mio",
    "mrd",
    "millionen",
    "milliarden",
    "milliarde",
    "milliards",
    "milliard",
    "millones",
    "mil",
    "m",
    "bn",
];

/// Currencies by code or word.
const CURRENCIES: [&str; 15] = [
    "EUR", "USD", "GBP", "CHF", "JPY", "euro", "euros", "Euro", "Euros", "dollars", "dollar", "Dollar", "pounds",
    "francs", "yen",
];

/// Units. One letter is too little to be sure, except for the metre.
const UNITS: [&str; 67] = [
    "km",
    "m",
    "cm",
    "mm",
    "nm",
    "µm",
    "kg",
    "mg",
    "lb",
    "lbs",
    "oz",
    "ml",
    "km/h",
    "mph",
    "GB",
    "MB",
    "KB",
    "kB",
    "TB",
    "GiB",
    "MiB",
    "KiB",
    "GHz",
    "MHz",
    "kHz",
    "Hz",
    "kW",
    "MW",
    "GW",
    "kWh",
    "MWh",
    "GWh",
    "TWh",
    "dB",
    "dpi",
    "ms",
    "kPa",
    "hPa",
    "kN",
    "rpm",
    "bytes",
    "bits",
    "Bytes",
    "kilometers",
    "kilometres",
    "meters",
    "metres",
    "miles",
    "feet",
    "inches",
    "kilograms",
    "tonnes",
    "tons",
    "liters",
    "litres",
    "hectares",
    "Kilometer",
    "Meter",
    "Tonnen",
    "Hektar",
    "Liter",
    "kilomètres",
    "mètres",
    "tonnes",
    "kilómetros",
    "metros",
    "toneladas",
];

fn number(text: &str) -> Option<u32> {
    // Nine digits fit.
    (text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

fn year(text: &str) -> Option<u32> {
    number(text).filter(|year| text.len() == 4 && (1000..2200).contains(year))
}

fn day(text: &str) -> Option<u32> {
    let digits = ["st", "nd", "rd", "th", "er"].iter().find_map(|suffix| text.strip_suffix(suffix)).unwrap_or(text);
    number(digits).filter(|day| (1..=31).contains(day) && digits.len() <= 2)
}

fn full(year: u32, month: u32, day: u32) -> Option<String> {
    ((1..=12).contains(&month) && (1..=31).contains(&day)).then(|| format!("{year:04}-{month:02}-{day:02}"))
}

impl<'a> Cursor<'a> {
    fn text(&self) -> &'a str {
        self.tokens.get(self.at).map_or("", |token| token.text(self.document))
    }

    fn is_number(&self) -> bool {
        self.tokens.get(self.at).is_some_and(|token| token.kind == TokenKind::Number)
    }

    /// Passes over a token that is one of these.
    fn skip(&mut self, texts: &[&str]) {
        if self.at < self.tokens.len() && texts.contains(&self.text()) {
            self.at += 1;
        }
    }

    fn take<T>(&mut self, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let value = read(self.text())?;
        self.at += 1;
        Some(value)
    }

    fn month(&mut self) -> Option<u32> {
        let text = self.text();
        let capital = self.tokens.get(self.at).is_some_and(Token::is_capital);
        let small = matches!(self.language, Language::French | Language::Spanish);
        let month = self.lexicon.month(&text.to_lowercase()).filter(|_| capital || small)?;
        self.at += 1;
        if text.len() <= 4 {
            self.skip(&["."]);
        }
        Some(month.into())
    }

    fn date(&mut self) -> Option<String> {
        let text = self.text();
        if self.is_number() {
            if let Some(key) = numeric(text) {
                self.at += 1;
                return Some(key);
            }
            if let Some(decade) =
                text.strip_suffix("s").or(text.strip_suffix("er")).filter(|decade| decade.ends_with('0'))
            {
                year(decade)?;
                self.at += 1;
                return Some(format!("{decade}s"));
            }
            if year(text).is_some_and(|year| (1500..2100).contains(&year)) {
                return self.year_alone();
            }
            return self.day_first();
        }
        if matches!(text, "Q1" | "Q2" | "Q3" | "Q4") {
            self.at += 1;
            self.skip(&["/"]);
            let year = self.take(year)?;
            return Some(format!("{year}-{}", text.to_lowercase()));
        }
        self.month_first()
    }

    fn year_alone(&mut self) -> Option<String> {
        let before = &self.tokens[self.at.checked_sub(1)?];
        YEAR_CUES.contains(&before.text(self.document).to_lowercase().as_str()).then_some(())?;
        // "in 1998 files" or "in 2000 km" is a number of something.
        if self.tokens.get(self.at + 1).is_some_and(|next| {
            let word = next.text(self.document);
            UNITS.contains(&word) || CURRENCIES.contains(&word) || next.is('%') || next.is('€')
        }) {
            return None;
        }
        let key = self.text().to_owned();
        self.at += 1;
        Some(key)
    }

    /// `10 January 2024`, `10. Januar 2024`, `1er janvier 2024`, `10 de enero de 2024`; the year may be missing.
    fn day_first(&mut self) -> Option<String> {
        let day = self.take(day)?;
        self.skip(&[".", "º"]);
        self.skip(&["of", "de"]);
        let month = self.month()?;
        let end = self.at;
        self.skip(&[","]);
        self.skip(&["de", "of", "del"]);
        match self.take(year) {
            Some(year) => full(year, month, day),
            None => {
                self.at = end;
                Some(format!("--{month:02}-{day:02}"))
            }
        }
    }

    /// `January 10, 2024`, `January 2024`, `enero de 2024`; in English the year may be missing.
    fn month_first(&mut self) -> Option<String> {
        let month = self.month()?;
        let start = self.at;
        if let Some(day) = self.take(day).filter(|_| self.language == Language::English) {
            let end = self.at;
            self.skip(&[","]);
            return match self.take(year) {
                Some(year) => full(year, month, day),
                None => {
                    self.at = end;
                    // "May 5" is one, "May 5.2" and "March 5 %" are not read this far.
                    Some(format!("--{month:02}-{day:02}"))
                }
            };
        }
        self.at = start;
        self.skip(&[","]);
        self.skip(&["de", "of", "del"]);
        let year = self.take(year)?;
        Some(format!("{year:04}-{month:02}"))
    }

    fn amount(&mut self) -> bool {
        let money = |text: &str| matches!(text, "$" | "€" | "£" | "¥").then_some(());
        if self.take(money).is_some() {
            let found = self.is_number();
            self.at += 1;
            if found && SCALES.contains(&self.text().to_lowercase().as_str()) {
                self.at += 1;
            }
            return found;
        }
        if !self.is_number() {
            return false;
        }
        let text = self.text();
        let digits = text.trim_end_matches(char::is_alphabetic);
        let next = self.tokens.get(self.at + 1);
        if digits.len() < text.len() {
            self.at += 1;
            return UNITS.contains(&&text[digits.len()..]) && !digits.contains('-');
        }
        if digits.matches('.').count() > 1 && digits.split('.').skip(1).any(|group| group.len() != 3) {
            return false;
        }
        self.at += 1;
        let scaled = SCALES.contains(&self.text().to_lowercase().as_str());
        if scaled && self.text().len() > 1 {
            self.at += 1;
            self.skip(&["."]);
            self.skip(&["de", "d"]);
        }
        let unit = self.text();
        let found = match next {
            None => false,
            // `4755 $i` is a mode and a variable.
            Some(sign) if unit == "$" => {
                self.tokens.get(self.at + 1).is_none_or(|after| after.start > sign.end || after.shape().is_none())
            }
            Some(_) if matches!(unit, "%" | "‰" | "€" | "£" | "percent" | "Prozent") => true,
            Some(_) if matches!(unit, "per" | "pour" | "por") => {
                self.at += 1;
                matches!(self.text(), "cent" | "ciento")
            }
            Some(_) if unit == "°" => {
                self.at += 1;
                matches!(self.text(), "C" | "F")
            }
            Some(_) if unit == "m" => {
                // "5 m" of something, not the start of a formula or of an abbreviation.
                let after = self.tokens.get(self.at + 1);
                after.is_none_or(|after| !matches!(after.kind, TokenKind::Sign('=' | '/' | '(' | '<' | '>' | '+')))
            }
            Some(_) => CURRENCIES.contains(&unit) || (!scaled && UNITS.contains(&unit)),
        };
        self.at += 1;
        found && self.at <= self.tokens.len()
    }
}

/// `2024-01-10`, `2024/01/10`, `10.01.2024`, `10/01/2024`.
fn numeric(text: &str) -> Option<String> {
    let text = text.split('T').next().unwrap_or(text);
    let separator = text.chars().find(|c| !c.is_ascii_digit())?;
    let mut parts = text.split(separator);
    let parts = [parts.next()?, parts.next()?, parts.next()?, parts.next().unwrap_or_default()];
    let [a, b, c, ""] = parts else { return None };
    match (separator, year(a), year(c)) {
        ('-' | '/', Some(year), _) => full(year, number(b)?, number(c)?),
        ('.', _, Some(year)) => full(year, number(b)?, number(a)?),
        // Which of the two is the month is certain only where the other cannot be one.
        ('/' | '-', _, Some(year)) => match (number(a)?, number(b)?) {
            (day, month) if day > 12 => full(year, month, day),
            (month, day) if day > 12 => full(year, month, day),
            (1..=12, 1..=12) => Some(text.to_owned()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::tokens;

    fn found(text: &str, language: Language) -> Vec<(String, String)> {
        let tokens = tokens(text, 0, text.len());
        let lexicon = Lexicon::new();
        let mut values = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            match value_at(text, &tokens, at, &lexicon, language) {
                Some(value) => {
                    let slice = &text[tokens[at].start..tokens[at + value.tokens - 1].end];
                    values.push((slice.to_owned(), value.key));
                    at += value.tokens;
                }
                None => at += 1,
            }
        }
        values
    }

    fn keys(text: &str, language: Language) -> Vec<String> {
        found(text, language).into_iter().map(|(_, key)| key).collect()
    }

    #[test]
    fn one_day_in_many_ways() {
        let english = "2024-01-10; 2024/01/10; 10.01.2024; 13/01/2024; 1/13/2024; January 10, 2024; 10th January 2024; Jan. 10, 2024; 10 Jan 2024";
        let want = [
            "2024-01-10",
            "2024-01-10",
            "2024-01-10",
            "2024-01-13",
            "2024-01-13",
            "2024-01-10",
            "2024-01-10",
            "2024-01-10",
            "2024-01-10",
        ];
        assert_eq!(keys(english, Language::English), want);
        assert_eq!(keys("am 10. Januar 2024", Language::German), ["2024-01-10"]);
        assert_eq!(keys("le 1er janvier 2024 et en août 2023", Language::French), ["2024-01-01", "2023-08"]);
        assert_eq!(keys("el 10 de enero de 2024, en mayo de 2020", Language::Spanish), ["2024-01-10", "2020-05"]);
        assert_eq!(
            keys("in 1998, the 1990s, Q3 2024, May 2021", Language::English),
            ["1998", "1990s", "2024-q3", "2021-05"]
        );
    }

    #[test]
    fn amounts() {
        let text = "$5 million, 1,234.50 EUR, 12 %, 3.5 percent, 10kg, 25 °C, €20, 3 GB, 20 million euros";
        let want =
            ["$5 million", "1,234.50 EUR", "12 %", "3.5 percent", "10kg", "25 °C", "€20", "3 GB", "20 million euros"];
        let got: Vec<String> = found(text, Language::English).into_iter().map(|(slice, _)| slice).collect();
        assert_eq!(got, want);
    }

    #[test]
    fn what_only_looks_like_a_value() {
        let text = "You may 5 times call 10.1.2024.5, version 1.2.3, chapter 12, 99/99/2024, 1998 files, 5 m = 3, 45 people, e";
        assert_eq!(keys(text, Language::English), Vec::<String>::new());
    }
}
