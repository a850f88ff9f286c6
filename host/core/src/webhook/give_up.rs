//! Giving up deliveries because of their age (`docs/http-api.md#give-up-age`). Pure.

use std::time::Duration;

/// How long a receiver must have failed before a delivery is given up for its age: longer than a restart of the receiver. If the
/// age limit is short, a quarter of it.
const FAILING_MIN: Duration = Duration::from_secs(600);

/// State of a delivery and its receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outlook {
    /// Time since the event; for a resend, since it was requested or last attempted.
    pub age: Duration,
    /// How long the receiver has accepted nothing, or nothing could be sent to it; `None` if it accepts deliveries.
    pub failing_for: Option<Duration>,
    /// For a named endpoint, time since its last change: earlier failures no longer count.
    pub unchanged_for: Option<Duration>,
}

impl Outlook {
    /// Whether to give up the delivery without another attempt, with `limit` as the maximum age.
    ///
    /// Age alone is not enough: a clock that was wrong makes recent events look old, and a backlog may be old because the server
    /// was down. Therefore the receiver must have failed for a while.
    pub fn is_hopeless(&self, limit: Duration) -> bool {
        let failing_for = self.failing_for.map(|time| time.min(self.unchanged_for.unwrap_or(time)));
        self.age > limit && failing_for.is_some_and(|time| time >= FAILING_MIN.min(limit / 4))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const MINUTE: Duration = Duration::from_secs(60);
    const OLD: Outlook = Outlook { age: HOUR.saturating_mul(200), failing_for: Some(HOUR), unchanged_for: None };
    const LIMIT: Duration = HOUR.saturating_mul(168);

    #[test]
    fn what_is_old_is_given_up_after_ten_minutes_of_failures() {
        assert!(OLD.is_hopeless(LIMIT));
        assert!(Outlook { failing_for: Some(MINUTE * 10), ..OLD }.is_hopeless(LIMIT));
        assert!(!Outlook { failing_for: Some(MINUTE * 9), ..OLD }.is_hopeless(LIMIT));
        assert!(!Outlook { failing_for: None, ..OLD }.is_hopeless(LIMIT), "it takes what it is sent");
    }

    #[test]
    fn what_is_not_older_than_the_limit_is_not() {
        assert!(!Outlook { age: LIMIT, ..OLD }.is_hopeless(LIMIT));
        assert!(Outlook { age: LIMIT + MINUTE, ..OLD }.is_hopeless(LIMIT));
    }

    #[test]
    fn a_short_limit_needs_a_quarter_of_it() {
        assert!(Outlook { failing_for: Some(MINUTE), ..OLD }.is_hopeless(MINUTE * 4));
        assert!(!Outlook { failing_for: Some(MINUTE), ..OLD }.is_hopeless(MINUTE * 5));
    }

    #[test]
    fn failures_before_a_change_of_the_endpoint_are_forgiven() {
        assert!(!Outlook { unchanged_for: Some(MINUTE * 9), ..OLD }.is_hopeless(LIMIT));
        assert!(Outlook { unchanged_for: Some(MINUTE * 10), ..OLD }.is_hopeless(LIMIT));
    }
}
