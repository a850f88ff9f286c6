//! `Retry-After` (RFC 9110 section 10.2.3).

use morag_core::Timestamp;
use std::time::{Duration, UNIX_EPOCH};

/// Longest valid wait. A longer one is a mistake of the receiver.
const WAIT_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// How long the receiver asks to wait: in seconds, or until an HTTP-date (zero where it is past). None for any other value, and for more
/// than a year.
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim_matches([' ', '\t']);
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(value.parse().ok()?)
    } else {
        let since_epoch = httpdate::parse_http_date(value).ok()?.duration_since(UNIX_EPOCH).ok()?;
        let then = Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).ok()?);
        then.since(now)
    };
    (wait <= WAIT_MAX).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1994-11-06T08:49:07Z, half a minute before the example of RFC 9110.
    const NOW: Timestamp = Timestamp::from_millis(784_111_747_000);

    fn seconds(value: &str) -> Option<u64> {
        retry_after(value, NOW).map(|wait| wait.as_secs())
    }

    #[test]
    fn seconds_are_seconds() {
        assert_eq!(seconds("0"), Some(0));
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds(" 7\t"), Some(7));
        assert_eq!(seconds("31622400"), Some(31_622_400));
    }

    #[test]
    fn the_three_forms_of_a_date_are_the_time_until_then() {
        for date in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(seconds(date), Some(30), "{date}");
        }
        assert_eq!(seconds("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
    }

    #[test]
    fn invalid_values_are_ignored() {
        for value in [
            "",
            "-1",
            "+5",
            "1.5",
            "5s",
            "soon",
            "1e3",
            "0x10",
            "٣",
            "31622401",
            "99999999999999999999999",
            "Sun, 06 Nov 2094 08:49:37 GMT",
            "Sun, 06 Nov 1994",
            "1994-11-06T08:49:37Z",
        ] {
            assert_eq!(seconds(value), None, "{value:?}");
        }
    }
}
