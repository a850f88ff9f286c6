//! Whether Redis is configured as it must be, at the start and while the server runs.
//!
//! [`morag_core::redis_demands`] decides what it must be; here the servers are asked, every [`CHECK_EVERY`], so that a probe reads
//! the last verdict and asks nothing. A value that is changed at run time, and a server that has replaced another, are noticed
//! within that time.

use super::client::Redis;
use super::servers::Reports;
use morag_core::ports::{Shortcoming, StoreError, StoreSetup};
use morag_core::redis_demands::{AcceptedLosses, Verdict, judge};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::AbortHandle;

/// Between two checks, each an `INFO` and a `CONFIG GET` for each server. A probe's period is as long.
const CHECK_EVERY: Duration = Duration::from_secs(10);

/// Why a server does not start on a Redis.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// It may lose what it has acknowledged, or lacks commands.
    #[error("Redis is not configured as required, so the server does not start: {}", .0.join("; "))]
    Refused(Vec<String>),
    /// It does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A watched Redis.
pub struct RedisSetup {
    verdict: Arc<Mutex<Verdict>>,
    checking: AbortHandle,
}

impl RedisSetup {
    /// Asks all servers, logs what an operator should know, and repeats that until it is dropped. `accepted`: the losses that the
    /// operator accepts. Fails where any other is possible.
    pub async fn open(redis: Arc<Redis>, accepted: AcceptedLosses) -> Result<Arc<Self>, SetupError> {
        let reports = redis.ask_servers().await?;
        let verdict = judge(&reports.nodes, accepted);
        if verdict.is_refused() {
            return Err(SetupError::Refused(verdict.texts(false)));
        }
        redis.replicas.set(reports.covered.clone());
        verdict.texts(true).iter().for_each(|text| tracing::warn!("accepted by MORAG_REDIS_ACCEPT_LOSS: {text}"));
        verdict.notes.iter().for_each(|note| tracing::warn!("{note}"));
        warn_of_silent(&reports, &mut BTreeSet::new());
        let verdict = Arc::new(Mutex::new(verdict));
        let checking = tokio::spawn(check(redis, accepted, verdict.clone())).abort_handle();
        Ok(Arc::new(Self { verdict, checking }))
    }
}

impl Drop for RedisSetup {
    fn drop(&mut self) {
        self.checking.abort();
    }
}

impl StoreSetup for RedisSetup {
    /// At most 10 s old, as long as the servers answer.
    fn shortcomings(&self) -> Vec<Shortcoming> {
        self.verdict.lock().unwrap_or_else(PoisonError::into_inner).shortcomings.clone()
    }
}

async fn check(redis: Arc<Redis>, accepted: AcceptedLosses, held: Arc<Mutex<Verdict>>) {
    let mut silent = BTreeSet::new();
    loop {
        tokio::time::sleep(CHECK_EVERY).await;
        // While none answers, the last verdict stands: other checks report that Redis is unavailable.
        let Ok(reports) = redis.ask_servers().await else { continue };
        redis.replicas.set(reports.covered.clone());
        warn_of_silent(&reports, &mut silent);
        let verdict = judge(&reports.nodes, accepted);
        let before = {
            let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *held, verdict.clone())
        };
        log_changes(&before, &verdict);
    }
}

/// Logs what has changed between two checks.
fn log_changes(before: &Verdict, after: &Verdict) {
    if before.texts(false) != after.texts(false) {
        match after.is_refused() {
            true => {
                let texts = after.texts(false).join("; ");
                tracing::error!("Redis is not configured as required any more, so this process is not ready: {texts}");
            }
            false => tracing::info!("Redis is configured as required again"),
        }
    }
    let news = |before: &[String], after: &[String]| -> Vec<String> {
        after.iter().filter(|text| !before.contains(text)).cloned().collect()
    };
    for text in news(&before.texts(true), &after.texts(true)) {
        tracing::warn!("accepted by MORAG_REDIS_ACCEPT_LOSS: {text}");
    }
    for note in news(&before.notes, &after.notes) {
        tracing::warn!("{note}");
    }
}

/// Warns of each node that did not answer, once.
fn warn_of_silent(reports: &Reports, before: &mut BTreeSet<String>) {
    for (node, error) in &reports.silent {
        if !before.contains(node) {
            tracing::warn!("cannot read the configuration of {node}: {error}; it is tried again");
        }
    }
    *before = reports.silent.iter().map(|(node, _)| node.clone()).collect();
}
