//! Numbers as a sheet shows them: dates by their formats, the others without the noise of their last binary digits.

use morag_conversion::dates::civil;

/// What a number format makes of a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// A number.
    #[default]
    General,
    /// A hundredth part.
    Percent,
    /// Days since the first of the calendar.
    Date,
    /// The same, with a time of the day.
    DateTime,
    /// A time of the day.
    Time,
    /// Hours, which may be more than a day has.
    Duration,
}

/// The day from which a workbook counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Epoch {
    /// 1 is the first of January 1900, which Excel takes for a leap year.
    #[default]
    Year1900,
    /// 0 is the first of January 1904.
    Year1904,
}

impl Kind {
    /// Of a format that has only a number: it is the same in all workbooks.
    pub fn built_in(id: u32) -> Self {
        match id {
            9 | 10 => Self::Percent,
            14..=17 | 27..=31 | 36 | 50..=54 | 57 | 58 => Self::Date,
            22 => Self::DateTime,
            18..=21 | 32..=35 | 45 | 47 | 55 | 56 => Self::Time,
            46 => Self::Duration,
            _ => Self::General,
        }
    }

    /// Of a format's code, for example `yyyy\-mm\-dd`.
    pub fn of_code(code: &str) -> Self {
        // The first section is that of positive numbers.
        let (mut date, mut time, mut month, mut duration, mut percent) = (false, false, false, false, false);
        let mut chars = code.chars();
        while let Some(c) = chars.next() {
            match c.to_ascii_lowercase() {
                ';' => break,
                '"' => drop(chars.by_ref().find(|c| *c == '"')),
                '\\' | '_' | '*' => drop(chars.next()),
                '[' => {
                    let inner: String = chars.by_ref().take_while(|c| *c != ']').collect();
                    let inner = inner.to_ascii_lowercase();
                    duration |= !inner.is_empty() && ["h", "m", "s"].iter().any(|unit| inner.chars().all(|c| unit.starts_with(c)));
                }
                '%' => percent = true,
                'y' | 'd' | 'e' if c != 'E' => date = true,
                'h' | 's' => time = true,
                'm' => month = true,
                // `General`, and numbers with digits.
                'g' | 'n' | '0' | '#' | '?' if !(date || time || month) => {
                    return if code.contains('%') { Self::Percent } else { Self::General };
                }
                _ => {}
            }
        }
        match () {
            () if duration => Self::Duration,
            () if date && time => Self::DateTime,
            () if time => Self::Time,
            () if date || month => Self::Date,
            () if percent => Self::Percent,
            () => Self::General,
        }
    }

    /// A number as it is shown. Dates are `YYYY-MM-DD`, times `HH:MM:SS`.
    pub fn show(self, number: f64, epoch: Epoch) -> String {
        // The year 9999: more is no date for Excel either.
        const DAY_MAX: f64 = 2_958_466.0;
        let is_date = (0.0..DAY_MAX).contains(&number);
        match self {
            Self::Percent => general(number * 100.0) + "%",
            Self::Duration if number.is_finite() && number.abs() < DAY_MAX => {
                let seconds = (number.abs() * 86_400.0).round() as i64;
                let sign = if number < 0.0 { "-" } else { "" };
                format!("{sign}{}", clock(seconds))
            }
            Self::Date | Self::DateTime | Self::Time if is_date => {
                let seconds = (number * 86_400.0).round() as i64;
                let (day, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
                if day == 0 && epoch == Epoch::Year1900 || self == Self::Time && day == 0 {
                    return clock(rest);
                }
                // In days since 1970-01-01; the 29th of February 1900 is day 60.
                let since = match epoch {
                    Epoch::Year1900 if day < 60 => day - 25_568,
                    Epoch::Year1900 => day - 25_569,
                    Epoch::Year1904 => day - 24_107,
                };
                let (year, month, day) = civil(since);
                let date = format!("{year:04}-{month:02}-{day:02}");
                if rest == 0 { date } else { format!("{date} {}", clock(rest)) }
            }
            _ => general(number),
        }
    }
}

fn clock(seconds: i64) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A number with the fifteen digits that Excel has.
pub fn general(number: f64) -> String {
    if !number.is_finite() {
        return String::new();
    }
    let number: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    let size = number.abs();
    if size != 0.0 && !(1e-9..1e21).contains(&size) { format!("{number:e}") } else { format!("{}", number + 0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_of_formats() {
        for (code, kind) in [
            ("General", Kind::General),
            ("#,##0.00\\ \"d\"", Kind::General),
            ("0.00E+00", Kind::General),
            ("0%", Kind::Percent),
            ("yyyy\\-mm\\-dd", Kind::Date),
            ("[$-409]d\\-mmm\\-yy;@", Kind::Date),
            ("mmm", Kind::Date),
            ("m/d/yyyy h:mm", Kind::DateTime),
            ("h:mm AM/PM", Kind::Time),
            ("[h]:mm:ss", Kind::Duration),
            ("[Red]0.0", Kind::General),
            ("\"dd\"0", Kind::General),
        ] {
            assert_eq!(Kind::of_code(code), kind, "{code}");
        }
    }

    #[test]
    fn dates_of_both_calendars() {
        let shown = |kind: Kind, number| kind.show(number, Epoch::Year1900);
        assert_eq!(shown(Kind::Date, 1.0), "1900-01-01");
        assert_eq!(shown(Kind::Date, 61.0), "1900-03-01");
        assert_eq!(shown(Kind::Date, 45_292.0), "2024-01-01");
        assert_eq!(shown(Kind::DateTime, 45_292.75), "2024-01-01 18:00:00");
        assert_eq!(shown(Kind::Time, 0.5), "12:00:00");
        assert_eq!(shown(Kind::Duration, 1.25), "30:00:00");
        assert_eq!(shown(Kind::Date, -1.0), "-1");
        assert_eq!(Kind::Date.show(0.0, Epoch::Year1904), "1904-01-01");
        assert_eq!(shown(Kind::Percent, 0.07), "7%");
    }

    #[test]
    fn numbers_have_fifteen_digits() {
        assert_eq!(general(0.1 + 0.2), "0.3");
        assert_eq!(general(-0.0), "0");
        assert_eq!(general(1234567.0), "1234567");
        assert_eq!(general(1e300), "1e300");
        assert_eq!(general(f64::NAN), "");
    }

    proptest! {
        #[test]
        fn any_number_and_code(number in any::<f64>(), code in "\\PC{0,12}") {
            let kind = Kind::of_code(&code);
            prop_assert!(kind.show(number, Epoch::Year1900).len() < 60);
        }
    }
}
