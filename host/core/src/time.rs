//! Points in time.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::time::Duration;

/// Milliseconds since the Unix epoch, UTC. Reads and prints as RFC 3339 with exactly three fraction digits and `Z`
/// (`docs/http-api.md#times`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Adds a duration, saturating at the end of time.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Subtracts a duration, saturating.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Time elapsed since `earlier`; zero if it is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// A point on a process's monotonic clock, in milliseconds. The clock starts at the time of day of the process's start. Values are
/// comparable only within one process, and differ from the time of day once the system clock is set; the separate type keeps the
/// two from being mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SteadyTime(Timestamp);

impl SteadyTime {
    /// From milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(Timestamp::from_millis(millis))
    }

    /// Milliseconds.
    pub const fn as_millis(self) -> i64 {
        self.0.as_millis()
    }

    /// Adds a duration, as [`Timestamp::plus`].
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.plus(duration))
    }

    /// Subtracts a duration, as [`Timestamp::minus`].
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.minus(duration))
    }

    /// Time elapsed since `earlier`; zero if it is later.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.since(earlier.0)
    }

    /// Absolute difference from the time of day.
    pub fn apart_from(self, now: Timestamp) -> Duration {
        self.0.since(now).max(now.since(self.0))
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => Err(std::fmt::Error),
        }
    }
}

impl std::str::FromStr for Timestamp {
    type Err = jiff::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.parse::<jiff::Timestamp>()?.as_millisecond()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_three_fraction_digits_and_z() {
        assert_eq!(Timestamp::from_millis(1_769_853_600_000).to_string(), "2026-01-31T10:00:00.000Z");
        assert_eq!(Timestamp::from_millis(1_769_853_600_007).to_string(), "2026-01-31T10:00:00.007Z");
        assert_eq!(Timestamp::from_millis(1_769_853_600_120).to_string(), "2026-01-31T10:00:00.120Z");
    }

    #[test]
    fn reads_what_it_prints() {
        let time = Timestamp::from_millis(1_769_853_600_007);
        assert_eq!(time.to_string().parse::<Timestamp>().unwrap(), time);
    }
}
