//! What callers share of a process, and how much of it one of them may have: [`Shares`] of each thing that is held for long.

use super::ApiError;
use super::auth::Caller;
use super::quota;
use super::submit::Uploading;
use axum::http::StatusCode;
use morag_core::Timestamp;
use morag_core::caller::{OverQuota, Quota};
use morag_core::shares::{NoPlace, Permit, Shares};
use std::sync::Arc;
use std::time::Duration;

/// Connections that listen to events, at once: half of all that the process has, so that they never shut out other requests.
const STREAMS_MAX: usize = 512;

/// Requests that wait for a task (`?wait=`, `POST /api/v1/process`), at once: each looks at its task twice a second.
const WAITS_MAX: usize = 256;

/// Documents that are fetched by their URLs, at once: each holds a connection and a file.
const FETCHES_MAX: usize = 64;

/// Names that are looked up for requests, at once: each is two sockets, for [`LOOKUP_WAIT_MAX`] where no name server answers.
const LOOKUPS_MAX: usize = 128;

/// Samples that are sent to endpoints for requests, at once: each holds a connection for as long as its receiver takes.
const TESTS_MAX: usize = 32;

/// Longest time that a request waits for its caller's turn to look a name up: as long as one look-up takes at most.
const LOOKUP_WAIT_MAX: Duration = Duration::from_secs(5);

/// What callers share.
pub struct Fair {
    /// Streams of events.
    pub streams: Share,
    /// Requests that wait.
    pub waits: Share,
    /// Fetches of documents.
    pub fetches: Share,
    /// Look-ups of names.
    pub lookups: Share,
    /// Samples that are sent to endpoints.
    pub tests: Share,
    /// Bytes of uploads that are no tasks yet.
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

/// Whose places are counted, in words.
#[derive(Clone, Copy)]
struct Who {
    has: &'static str,
    one: &'static str,
}

const KEY: Who = Who { has: "You have", one: "caller" };
const TENANT: Who = Who { has: "Your tenant has", one: "tenant" };

/// One thing that callers share.
pub struct Share {
    shares: Shares,
    code: &'static str,
    what: &'static str,
    advice: &'static str,
}

impl Share {
    /// A place for a caller.
    ///
    /// # Errors
    /// 429 where the caller has all it may have; 503 where others have all there are.
    pub fn take(&self, caller: &Caller) -> Result<Permit, ApiError> {
        self.shares.take(&caller.as_text()).map_err(|none| self.refused(KEY, none))
    }

    /// A place for a caller's tenant: all its keys together have no more than one key would. Only where there are tenants: without,
    /// all keys are of one.
    ///
    /// # Errors
    /// Those of [`Self::take`].
    pub fn take_of_tenant(&self, caller: &Caller) -> Result<Permit, ApiError> {
        self.shares.take(caller.tenant().as_str()).map_err(|none| self.refused(TENANT, none))
    }

    /// A place for a caller with a quota: its places are counted with the new one, so that it never has more than its quota.
    ///
    /// # Errors
    /// Those of [`Self::take`], and 429 with the quota's name.
    pub fn take_within(&self, caller: &Caller, quota: Quota, limit: Option<u64>) -> Result<Permit, ApiError> {
        let permit = self.take(caller)?;
        match limit.filter(|limit| self.shares.held_by(&caller.as_text()) as u64 > *limit) {
            // No place is known to come free at a time, so the time is not asked for.
            Some(limit) => Err(quota::over(OverQuota { quota, limit, resets_at: None }, Timestamp::from_millis(0))),
            None => Ok(permit),
        }
    }

    /// A place for a caller, for which it waits its turn at most so long.
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
    /// Does what looks a name up for a caller, when it is the caller's turn.
    ///
    /// # Errors
    /// 429 where the caller's other look-ups take all it may have, and do not end.
    pub async fn look_up<T>(&self, caller: &Caller, look_up: impl Future<Output = T>) -> Result<T, ApiError> {
        let _turn = self.lookups.wait(caller, LOOKUP_WAIT_MAX).await?;
        Ok(look_up.await)
    }
}
