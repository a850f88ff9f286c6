//! Dates of documents as `YYYY-MM-DD`, with `THH:MM:SSZ` where the source gives a time and its zone.

/// Reads an ISO 8601 date (`2024-01-10`, `2024-01-10T12:30:00+02:00`, also year or month alone). A time without a zone
/// is left out, since what it means in UTC is not known; none for anything that is not a date.
pub fn iso(text: &str) -> Option<String> {
    let text = text.trim();
    let (date, time) = match text.find(['T', ' ']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year = number(parts.next()?, 4)?;
    let month = parts.next().map_or(Some(1), |part| number(part, 2))?;
    let day = parts.next().map_or(Some(1), |part| number(part, 2))?;
    if parts.next().is_some() || !valid(year, month, day) {
        return None;
    }
    let plain = format!("{year:04}-{month:02}-{day:02}");
    Some(time.and_then(|time| in_utc(days(year, month, day), time)).unwrap_or(plain))
}

fn number(text: &str, digits: usize) -> Option<i64> {
    (text.len() == digits && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

fn valid(year: i64, month: i64, day: i64) -> bool {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=9999).contains(&year) && (1..=last).contains(&day)
}

/// A day and a time with its zone, in UTC.
fn in_utc(day: i64, time: &str) -> Option<String> {
    let zone_at = time.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = time.split_at(zone_at);
    let clock = clock.split('.').next()?;
    let mut parts = clock.split(':');
    let hour = number(parts.next()?, 2)?;
    let minute = number(parts.next()?, 2)?;
    let second = parts.next().map_or(Some(0), |part| number(part, 2))?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let offset_minutes = match zone {
        "Z" | "z" => 0,
        _ => {
            let digits: String = zone[1..].chars().filter(|c| *c != ':').collect();
            let minutes =
                number(digits.get(..2)?, 2)? * 60 + digits.get(2..4).map_or(Some(0), |part| number(part, 2))?;
            if zone.starts_with('-') { -minutes } else { minutes }
        }
    };
    let seconds = day * 86_400 + (hour * 60 + minute - offset_minutes) * 60 + second.min(59);
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let rest = seconds.rem_euclid(86_400);
    (1..=9999)
        .contains(&year)
        .then(|| format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60))
}

/// Days since 1970-01-01 in the Gregorian calendar, counted in years that begin in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, in_era) = (year.div_euclid(400), year.rem_euclid(400));
    let in_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719_468
}

/// The date of a number of days since 1970-01-01: year, month, day. Right for any number within ten million years of it.
pub fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let (era, in_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year_of_era = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * in_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, in_year - (153 * shifted + 2) / 5 + 1)
}

/// The date of a number of tenths of microseconds since the year 1601, as Windows counts them.
pub fn of_ticks(ticks: u64) -> Option<String> {
    let seconds = ticks / 10_000_000;
    // A date that was never set is the first day.
    let days = i64::try_from(seconds / 86_400).ok().filter(|days| (1..3_000_000).contains(days))?;
    let (year, month, day) = civil(days - 134_774);
    let rest = seconds % 86_400;
    Some(format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_of_windows_count_from_1601() {
        assert_eq!(of_ticks(133_500_000_000_000_000).as_deref(), Some("2024-01-17T21:20:00Z"));
        assert_eq!(of_ticks(0), None);
        assert_eq!(of_ticks(u64::MAX), None);
    }

    #[test]
    fn dates_with_and_without_a_time() {
        assert_eq!(iso("2024-01-10").as_deref(), Some("2024-01-10"));
        assert_eq!(iso("2024").as_deref(), Some("2024-01-01"));
        assert_eq!(iso("2024-01-10T12:30:05Z").as_deref(), Some("2024-01-10T12:30:05Z"));
        assert_eq!(iso("2024-01-01T00:30:00+02:00").as_deref(), Some("2023-12-31T22:30:00Z"));
        assert_eq!(iso("2024-02-29T23:59-0100").as_deref(), Some("2024-03-01T00:59:00Z"));
        assert_eq!(iso("2024-01-10T12:30:05").as_deref(), Some("2024-01-10"));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in ["", "yesterday", "2023-02-29", "2024-13-01", "24-01-01", "2024-1-1", "2024-01-01-01", "0000-01-01"]
        {
            assert_eq!(iso(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn days_and_dates_are_inverse(day in -700_000i64..2_900_000) {
            let (year, month, of_month) = civil(day);
            prop_assert_eq!(days(year, month, of_month), day);
        }

        #[test]
        fn never_panics(text in "\\PC{0,30}", date in "[0-9T:+Z. -]{0,30}") {
            let _ = (iso(&text), iso(&date));
        }
    }
}
