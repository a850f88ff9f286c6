//! The format of what is stored: one number for all keys of a prefix, which every process knows before it does anything.
//!
//! The rules, for whoever changes what is stored:
//!
//! - What an older process may ignore is added without a new format: a field with a default, of a record that is written once (a task,
//!   an event, an attempt). Not of one that is written again (an endpoint): an older process would write it back without the field.
//! - Anything else is a new format: [`FORMAT`] is raised by one. The program goes on reading all earlier formats, and writes in
//!   the store's ([`super::RedisStore::format`]), not in its own.
//! - A store is raised once every process that is alive knows the higher format: the last old one's end does it. So
//!   processes are replaced one by one, and old and new ones work side by side meanwhile.
//! - A process that meets a format it does not know does nothing: every call fails and says so by name.
//!
//! A process is alive for [`FormatOptions::silence_max`] after it last told so; it beats six times as often, by itself. One that
//! could not for half that time, because it slept or was cut off, asks again before its next call: by the time the others take it
//! for gone it has stopped. A store without the key is of format 1, which is that of the processes of before there was one; those
//! tell nobody that they are alive, read the record alone where credentials are beside it now, and know one tenant. So they must be stopped
//! before the first process of today starts; nothing can refuse them.
//!
//! A Redis that is full takes no word of who is alive, and no higher format either. Processes go on then, for what makes room must:
//! each asks again after [`FULL_ASKED_AGAIN`], so that one whose word was lost works at most so long on a format that was raised
//! when there was room again.

use super::link::Redis;
use super::scripts;
use super::store::token;
use morag_core::ports::StoreError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::AbortHandle;

/// The format that this program knows, and all before it. Raised by the rules of this module alone.
pub const FORMAT: u32 = 1;

/// How long a process is taken for alive: longer than a pause of a machine or a failover, short enough that nobody waits for the
/// new format after a replacement.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Beats in that time: some may be lost.
const BEATS: u32 = 6;

/// How long an answer of a full Redis is good for: a call a second, and hardly any work on a format that is not known.
const FULL_ASKED_AGAIN: Duration = Duration::from_secs(1);

/// Which formats a process knows, and how it tells that it is alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormatOptions {
    /// The highest format it knows. Default: [`FORMAT`].
    pub known: u32,
    /// How long it is alive without telling so; the same for every process of a store. Default: 60 s.
    pub silence_max: Duration,
}

impl Default for FormatOptions {
    fn default() -> Self {
        Self { known: FORMAT, silence_max: SILENCE_MAX }
    }
}

/// What was heard last.
struct Heard {
    format: u32,
    /// Why nothing may be done, where the format is not known.
    refusal: Option<StoreError>,
    /// Whether the store had no format before.
    is_first: bool,
    /// Until then nobody takes this process for gone.
    good_until: Instant,
}

/// What every call passes.
pub(super) struct Gate {
    keys: [String; 2],
    process: String,
    options: FormatOptions,
    heard: Mutex<Heard>,
}

impl Gate {
    /// A gate that lets nothing through before it has heard of the format.
    pub(super) fn new(keys: [String; 2], options: FormatOptions) -> Arc<Self> {
        let heard = Heard { format: 0, refusal: None, is_first: false, good_until: Instant::now() };
        Arc::new(Self { keys, process: token(), options, heard: Mutex::new(heard) })
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store's format, as it was heard last.
    pub(super) fn format(&self) -> u32 {
        self.heard().format
    }

    /// Whether this process was the first to write a format into the store.
    pub(super) fn is_first(&self) -> bool {
        self.heard().is_first
    }

    /// Whether this process may work, asked anew where the last answer is old.
    pub(super) async fn check(&self, redis: &Redis) -> Result<(), StoreError> {
        {
            let heard = self.heard();
            if Instant::now() < heard.good_until {
                return heard.refusal.clone().map_or(Ok(()), Err);
            }
        }
        self.beat(redis).await
    }

    /// Tells that this process is alive, and hears the format.
    pub(super) async fn beat(&self, redis: &Redis) -> Result<(), StoreError> {
        // Before the call: the server counts from a later moment.
        let asked = Instant::now();
        let call = scripts::FORMAT
            .on(self.keys.clone())
            .arg(&self.process)
            .arg(self.options.known)
            .arg(self.options.silence_max.as_millis())
            .arg(env!("CARGO_PKG_VERSION"));
        let (format, by, word): (u32, String, String) = redis.call_by_any(call).await?;
        let good_for = if word == "full" { FULL_ASKED_AGAIN } else { self.options.silence_max / 2 };
        let good_until = asked + good_for;
        let refusal = refusal(&redis.shown(), format, &by, self.options.known);
        let mut heard = self.heard();
        if heard.format != 0 && heard.format != format {
            match &refusal {
                None => tracing::info!("the store was raised from format {} to format {format}", heard.format),
                Some(refusal) => tracing::error!("{refusal}"),
            }
        }
        let is_first = heard.is_first || word == "first";
        *heard = Heard { format, refusal: refusal.clone(), is_first, good_until };
        refusal.map_or(Ok(()), Err)
    }
}

/// Why a process that knows formats up to `known` may not work on a store.
fn refusal(store: &str, format: u32, by: &str, known: u32) -> Option<StoreError> {
    (format > known).then(|| {
        let (by, own) = (if by.is_empty() { "a later version" } else { by }, env!("CARGO_PKG_VERSION"));
        StoreError::Unavailable(format!(
            "{store}: this store is of format {format}, written by MoRAG {by}; this process (MoRAG {own}) knows formats up to \
             {known}: replace it by that version (docs/operations.md)"
        ))
    })
}

/// Keeps on telling; ends when dropped.
pub(super) struct Beats(AbortHandle);

impl Beats {
    pub(super) fn begin(redis: Arc<Redis>, gate: Arc<Gate>) -> Self {
        let beating = tokio::spawn(async move {
            loop {
                tokio::time::sleep(gate.options.silence_max / BEATS).await;
                // One that fails is made up for by the next, or by a call. A refusal has been logged.
                let _ = gate.beat(&redis).await;
            }
        });
        Self(beating.abort_handle())
    }
}

impl Drop for Beats {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_format_is_refused_by_name_and_with_what_to_do() {
        assert_eq!(refusal("redis", 2, "1.4.0", 2), None);
        let Some(StoreError::Unavailable(text)) = refusal("redis://host", 3, "1.4.0", 2) else { panic!("not refused") };
        for said in ["redis://host", "format 3", "MoRAG 1.4.0", "up to 2", "docs/operations.md"] {
            assert!(text.contains(said), "{said} in {text}");
        }
    }
}
