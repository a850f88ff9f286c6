//! Whether Redis is set as it must be, at the start and while the server runs.
//!
//! What must be is decided in [`morag_core::redis_demands`]; here the servers are asked, every [`LOOK_EVERY`], so that a
//! probe reads what was last seen and asks nothing. A value that is changed at run time, and a server that has taken another's
//! place, are noticed within that time.

use super::link::Redis;
use super::servers::Seen;
use morag_core::ports::{Shortcoming, StoreError, StoreSetup};
use morag_core::redis_demands::{AcceptedLosses, Verdict, judge};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::AbortHandle;

/// Between two looks: `INFO` and one `CONFIG GET` of each server. A probe's period is as long.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Why a server does not start on a Redis.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// It may lose what it has acknowledged, or lacks commands.
    #[error("Redis is not set as it must be, so the server does not start: {}", .0.join("; "))]
    Refused(Vec<String>),
    /// It does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A watched Redis.
pub struct RedisSetup {
    seen: Arc<Mutex<Verdict>>,
    looking: AbortHandle,
}

impl RedisSetup {
    /// Asks all servers, logs what an operator should know, and goes on looking until it is dropped. `accepted`: the losses that
    /// the operator accepts. Fails where any other is possible.
    pub async fn open(redis: Arc<Redis>, accepted: AcceptedLosses) -> Result<Arc<Self>, SetupError> {
        let seen = redis.ask_servers().await?;
        let verdict = judge(&seen.nodes, accepted);
        if verdict.is_refused() {
            return Err(SetupError::Refused(verdict.texts(false)));
        }
        redis.replicas.seen(seen.covered.clone());
        verdict.texts(true).iter().for_each(|text| tracing::warn!("accepted by MORAG_REDIS_ACCEPT_LOSS: {text}"));
        verdict.notes.iter().for_each(|note| tracing::warn!("{note}"));
        warn_of_silent(&seen, &mut BTreeSet::new());
        let held = Arc::new(Mutex::new(verdict));
        let looking = tokio::spawn(look(redis, accepted, held.clone())).abort_handle();
        Ok(Arc::new(Self { seen: held, looking }))
    }
}

impl Drop for RedisSetup {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

impl StoreSetup for RedisSetup {
    /// At most 10 s old, as long as the servers answer.
    fn shortcomings(&self) -> Vec<Shortcoming> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).shortcomings.clone()
    }
}

async fn look(redis: Arc<Redis>, accepted: AcceptedLosses, held: Arc<Mutex<Verdict>>) {
    let mut silent = BTreeSet::new();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        // While none answers, what was seen stands: that they are away is for others to say.
        let Ok(seen) = redis.ask_servers().await else { continue };
        redis.replicas.seen(seen.covered.clone());
        warn_of_silent(&seen, &mut silent);
        let verdict = judge(&seen.nodes, accepted);
        let before = {
            let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *held, verdict.clone())
        };
        tell_changes(&before, &verdict);
    }
}

/// Logs what has changed between two looks.
fn tell_changes(before: &Verdict, after: &Verdict) {
    if before.texts(false) != after.texts(false) {
        match after.is_refused() {
            true => {
                let texts = after.texts(false).join("; ");
                tracing::error!("Redis is not set as it must be any more, so this process is not ready: {texts}");
            }
            false => tracing::info!("Redis is set as it must be again"),
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

/// Says which nodes could not be asked, each once.
fn warn_of_silent(seen: &Seen, before: &mut BTreeSet<String>) {
    for (node, error) in &seen.silent {
        if !before.contains(node) {
            tracing::warn!("{node} cannot be asked how it is set: {error}; it is asked again");
        }
    }
    *before = seen.silent.iter().map(|(node, _)| node.clone()).collect();
}
