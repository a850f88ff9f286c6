//! The resources of a process that callers share, each with its limit: [`Shares`] decides how much of one a caller may hold.

use super::ApiError;
use super::caller::Caller;
use super::over_quota;
use super::submit::Uploading;
use axum::http::StatusCode;
use morag_core::Timestamp;
use morag_core::caller::{OverQuota, Quota};
use morag_core::shares::{NoPlace, Permit, Shares};
use std::sync::Arc;
use std::time::Duration;

/// Event streams at once: half of all connections, so that other requests always have some.
const STREAMS_MAX: usize = 512;

/// Requests at once that wait for a task (`?wait=`, `POST /api/v1/process`): each holds a connection, and reads its task's state
/// every few seconds (`wait.rs`).
const WAITS_MAX: usize = 256;

/// Documents that are fetched by URL at once: each holds a connection and a file.
const FETCHES_MAX: usize = 64;

/// Host names that are looked up for requests at once: each holds two sockets, for [`LOOKUP_WAIT_MAX`] if no name server answers.
const LOOKUPS_MAX: usize = 128;

/// Samples that are sent to endpoints at once: each holds a connection for as long as its receiver takes.
const TESTS_MAX: usize = 32;

/// Longest time that a request waits until its caller may look another name up: as long as one look-up takes at most.
const LOOKUP_WAIT_MAX: Duration = Duration::from_secs(5);

/// The resources that callers share.
pub struct Fair {
    /// Event streams.
    pub streams: Share,
    /// Requests that wait for a task.
    pub waits: Share,
    /// Fetches of documents.
    pub fetches: Share,
    /// Look-ups of host names.
    pub lookups: Share,
    /// Samples that are sent to endpoints.
    pub tests: Share,
    /// Bytes of uploads that are not yet tasks.
    pub uploads: Arc<Uploading>,
}

impl Default for Fair {
    fn default() -> Self {
        let share = |total, code, what, advice| Share { shares: Shares::new(total), code, what, advice };
        Self {
            streams: share(
                STREAMS_MAX,
                "too_many_listeners",
                "connections that listen to events",
                "close some, or try again later",
            ),
            waits: share(
                WAITS_MAX,
                "too_many_waits",
                "requests that wait for a task",
                "ask without waiting, or try again later",
            ),
            fetches: share(
                FETCHES_MAX,
                "too_many_fetches",
                "documents that are being fetched",
                "submit fewer at once, or try again later",
            ),
            lookups: share(
                LOOKUPS_MAX,
                "too_many_lookups",
                "names of webhooks that are being looked up",
                "submit fewer at once, or try again later",
            ),
            tests: share(
                TESTS_MAX,
                "too_many_tests",
                "endpoints that are being tried",
                "try fewer at once, or try again later",
            ),
            uploads: Arc::default(),
        }
    }
}

/// The holder of permits, as errors name it.
#[derive(Clone, Copy)]
struct Who {
    has: &'static str,
    one: &'static str,
}

const KEY: Who = Who { has: "You have", one: "caller" };
const TENANT: Who = Who { has: "Your tenant has", one: "tenant" };

/// One resource that callers share.
pub struct Share {
    shares: Shares,
    code: &'static str,
    what: &'static str,
    advice: &'static str,
}

impl Share {
    /// Takes a permit for a caller.
    ///
    /// # Errors
    /// 429 if the caller holds as many as it may; 503 if other callers hold all.
    pub fn take(&self, caller: &Caller) -> Result<Permit, ApiError> {
        self.shares.take(&caller.as_text()).map_err(|none| self.refused(KEY, none))
    }

    /// Takes a permit for a caller's tenant: all its keys together hold no more than one key could. Only for servers with tenants:
    /// without, all keys belong to one.
    ///
    /// # Errors
    /// Those of [`Self::take`].
    pub fn take_of_tenant(&self, caller: &Caller) -> Result<Permit, ApiError> {
        self.shares.take(caller.tenant().as_str()).map_err(|none| self.refused(TENANT, none))
    }

    /// Takes a permit for a caller with a quota. Permits are counted after this one is taken, so that concurrent requests do not
    /// exceed the quota.
    ///
    /// # Errors
    /// Those of [`Self::take`], and 429 with the quota's name.
    pub fn take_within(&self, caller: &Caller, quota: Quota, limit: Option<u64>) -> Result<Permit, ApiError> {
        let permit = self.take(caller)?;
        match limit.filter(|limit| self.shares.held_by(&caller.as_text()) as u64 > *limit) {
            // It is not known when a permit is given back, so the current time is not needed.
            Some(limit) => {
                Err(over_quota::over(OverQuota { quota, limit, resets_at: None }, Timestamp::from_millis(0)))
            }
            None => Ok(permit),
        }
    }

    /// Takes a permit for a caller, and waits for one for `at_most`.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub async fn wait(&self, caller: &Caller, at_most: Duration) -> Result<Permit, ApiError> {
        let key = caller.as_text();
        match tokio::time::timeout(at_most, self.shares.wait(&key)).await {
            Ok(permit) => Ok(permit),
            Err(_) => self.take(caller),
        }
    }

    fn refused(&self, Who { has, one }: Who, NoPlace { own, all, total }: NoPlace) -> ApiError {
        let Self { code, what, advice, .. } = self;
        let (status, text) = match own {
            0 => (StatusCode::SERVICE_UNAVAILABLE, format!("This server has {all} {what}, of {total}: {advice}")),
            _ => {
                let text = format!(
                    "{has} {own} {what}, of {total} that all callers share ({all} are taken): one {one} may have no more \
                     than it leaves to the others. Please {advice}"
                );
                (StatusCode::TOO_MANY_REQUESTS, text)
            }
        };
        ApiError::new(status, code, text).retry_after()
    }
}

impl Fair {
    /// Runs a look-up for a caller as soon as it may hold another one.
    ///
    /// # Errors
    /// 429 or 503 if no permit is given back for [`LOOKUP_WAIT_MAX`].
    pub async fn look_up<T>(&self, caller: &Caller, look_up: impl Future<Output = T>) -> Result<T, ApiError> {
        let _permit = self.lookups.wait(caller, LOOKUP_WAIT_MAX).await?;
        Ok(look_up.await)
    }
}
