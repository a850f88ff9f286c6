//! Caller permissions and limits: scopes and quotas. No I/O.

use crate::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A permission of a caller within its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Submit documents; cancel and retry tasks, delete their files.
    Submit,
    /// Read tasks, events, files and deliveries.
    Read,
    /// Read and change named endpoints, and resend webhooks.
    Endpoints,
    /// All scopes; in the default tenant also the server's components.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Submit, Self::Read, Self::Endpoints, Self::Admin];

    /// Name in `morag.toml`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Read => "read",
            Self::Endpoints => "endpoints",
            Self::Admin => "admin",
        }
    }
}

impl std::str::FromStr for Scope {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(())
    }
}

/// Set of scopes of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// Whether the set includes `needed`. `admin` includes every scope.
    pub fn allow(self, needed: Scope) -> bool {
        self.0 & (bit(needed) | bit(Scope::Admin)) != 0
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |all, scope| all | bit(scope)))
    }
}

fn bit(scope: Scope) -> u8 {
    1 << scope as u8
}

/// A resource with a limit per caller or tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quota {
    /// The caller's tasks that wait for a worker.
    WaitingTasks,
    /// Tasks that the caller submits per UTC day.
    TasksPerDay,
    /// Bytes of the tenant's files: submitted documents and step outputs.
    StoredBytes,
    /// The tenant's named endpoints that were created over HTTP.
    Endpoints,
    /// Event streams that the caller has open at the same time.
    Streams,
}

impl Quota {
    /// Every quota.
    pub const ALL: [Self; 5] =
        [Self::WaitingTasks, Self::TasksPerDay, Self::StoredBytes, Self::Endpoints, Self::Streams];

    /// Its name, in `morag.toml` and in errors.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WaitingTasks => "waiting_tasks",
            Self::TasksPerDay => "tasks_per_day",
            Self::StoredBytes => "stored_bytes",
            Self::Endpoints => "endpoints",
            Self::Streams => "streams",
        }
    }
}

/// Limits of a caller; `None`: only the server's own limits apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quotas {
    /// [`Quota::WaitingTasks`].
    pub waiting_tasks: Option<u64>,
    /// [`Quota::TasksPerDay`].
    pub tasks_per_day: Option<u64>,
    /// [`Quota::StoredBytes`].
    pub stored_bytes: Option<u64>,
    /// [`Quota::Endpoints`].
    pub endpoints: Option<u64>,
    /// [`Quota::Streams`].
    pub streams: Option<u64>,
}

/// A quota of the caller is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the quota {} of {limit} is reached", .quota.as_str())]
pub struct OverQuota {
    /// The quota.
    pub quota: Quota,
    /// Its limit.
    pub limit: u64,
    /// When the count restarts; `None` for quotas that fall as tasks end or data is deleted.
    pub resets_at: Option<Timestamp>,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Number of the UTC day that contains `now`, counted from 1970-01-01.
pub fn day_of(now: Timestamp) -> i64 {
    now.as_seconds().div_euclid(i64::try_from(DAY.as_secs()).unwrap_or(i64::MAX))
}

/// Start of the next UTC day.
pub fn next_day(now: Timestamp) -> Timestamp {
    let day_ms = i64::try_from(DAY.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(day_of(now).saturating_add(1).saturating_mul(day_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_allows_itself_and_admin_everything() {
        for scope in Scope::ALL {
            let scopes: Scopes = [scope].into_iter().collect();
            for needed in Scope::ALL {
                assert_eq!(scopes.allow(needed), scope == needed || scope == Scope::Admin, "{scope:?} {needed:?}");
            }
            assert!(!Scopes::default().allow(scope));
            assert_eq!(scope.as_str().parse(), Ok(scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
        assert_eq!("Admin".parse::<Scope>(), Err(()));
    }

    #[test]
    fn a_day_ends_at_midnight_of_utc() {
        let last: Timestamp = "2026-01-31T23:59:59.999Z".parse().unwrap();
        let midnight = next_day(last);
        assert_eq!(midnight.to_string(), "2026-02-01T00:00:00.000Z");
        assert_eq!(day_of(midnight), day_of(last) + 1);
        assert_eq!(day_of(Timestamp::from_millis(-1)), -1);
    }
}
