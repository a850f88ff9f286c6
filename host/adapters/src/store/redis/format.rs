//! The format of the stored data: one number for all keys of a prefix, which every process checks before it does anything.
//!
//! Rules for changes of what is stored:
//!
//! - A change that an older process may ignore needs no new format: a field with a default, of a record that is written once (a
//!   task, an event, an attempt). Not of a record that is written again (an endpoint): an older process would write it back without
//!   the field.
//! - Any other change is a new format: [`FORMAT`] is raised by one. The program still reads all earlier formats, and writes the
//!   store's ([`super::RedisStore::format`]), not its own.
//! - A store is raised once every living process supports the higher format, so when the last old one ends. Processes are replaced
//!   one by one, and old and new ones work side by side meanwhile.
//! - A process that meets a format it does not support does nothing: every call fails and says so by name.
//!
//! A process counts as alive for [`FormatOptions::silence_max`] after its last registration, which it renews six times as often. A
//! process that could not for half that time, because it slept or was cut off, registers again before its next call: by the time the
//! others count it as gone, it has stopped. A store without the key has format 1, which is that of the processes from before there
//! was a key. Those do not register, read only the record where credentials are beside it now, and know one tenant, so they must be
//! stopped before the first process of today starts; nothing can refuse them.
//!
//! A full Redis takes no registration and no higher format. Processes continue then, because the calls that make room must: each
//! registers again after [`FULL_RETRY`], so a process whose registration was lost works at most that long on a format that was raised
//! when there was room again.

use super::link::connection::Connection;
use super::scripts;
use super::values::token;
use morag_core::ports::StoreError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::AbortHandle;

/// The highest format that this program supports. Raised only by the rules of this module.
pub const FORMAT: u32 = 1;

/// How long a process counts as alive: longer than a pause of a machine or a failover, short enough that a replacement does not
/// delay the new format.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Registrations in that time: some may be lost.
const BEATS: u32 = 6;

/// How long an answer of a full Redis is valid: that is one call a second, and hardly any work on an unsupported format.
const FULL_RETRY: Duration = Duration::from_secs(1);

/// Which formats a process supports, and how it registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormatOptions {
    /// The highest format it supports. Default: [`FORMAT`].
    pub supported: u32,
    /// How long it counts as alive after a registration; the same for every process of a store. Default: 60 s.
    pub silence_max: Duration,
}

impl Default for FormatOptions {
    fn default() -> Self {
        Self { supported: FORMAT, silence_max: SILENCE_MAX }
    }
}

/// The last answer about the store's format.
struct Checked {
    format: u32,
    /// Why this process may do nothing, where it does not support the format.
    refusal: Option<StoreError>,
    /// Whether the store had no format before.
    is_first: bool,
    /// Until then no other process counts this one as gone.
    valid_until: Instant,
}

/// What every call passes.
pub(super) struct Gate {
    keys: [String; 2],
    process: String,
    options: FormatOptions,
    checked: Mutex<Checked>,
}

impl Gate {
    /// A gate that lets nothing through before it has read the format. `keys`: those of format and processes.
    pub(super) fn new(keys: [String; 2], options: FormatOptions) -> Arc<Self> {
        let checked = Checked { format: 0, refusal: None, is_first: false, valid_until: Instant::now() };
        Arc::new(Self { keys, process: token(), options, checked: Mutex::new(checked) })
    }

    fn checked(&self) -> MutexGuard<'_, Checked> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store's format, as it was last read.
    pub(super) fn format(&self) -> u32 {
        self.checked().format
    }

    /// Whether this process was the first to write a format into the store.
    pub(super) fn is_first(&self) -> bool {
        self.checked().is_first
    }

    /// Whether this process may work. Asks Redis where the last answer is too old.
    pub(super) async fn check(&self, redis: &Connection) -> Result<(), StoreError> {
        {
            let checked = self.checked();
            if Instant::now() < checked.valid_until {
                return checked.refusal.clone().map_or(Ok(()), Err);
            }
        }
        self.register(redis).await
    }

    /// Registers this process as alive, and reads the format.
    pub(super) async fn register(&self, redis: &Connection) -> Result<(), StoreError> {
        // Before the call: the server counts from a later moment.
        let asked = Instant::now();
        let [format, processes] = self.keys.clone();
        let call = scripts::Format {
            format,
            processes,
            process: self.process.clone(),
            supported: self.options.supported,
            silence_max: self.options.silence_max,
            version: env!("CARGO_PKG_VERSION"),
        };
        let (format, by, word): (u32, String, String) = redis.call(call).await?;
        let valid_for = if word == "full" { FULL_RETRY } else { self.options.silence_max / 2 };
        let valid_until = asked + valid_for;
        let refusal = refusal(&redis.address(), format, &by, self.options.supported);
        let mut checked = self.checked();
        if checked.format != 0 && checked.format != format {
            match &refusal {
                None => tracing::info!(from = checked.format, to = format, "the store's format was raised"),
                Some(refusal) => tracing::error!("{refusal}"),
            }
        }
        let is_first = checked.is_first || word == "first";
        *checked = Checked { format, refusal: refusal.clone(), is_first, valid_until };
        refusal.map_or(Ok(()), Err)
    }
}

/// Why a process that supports formats up to `supported` may not work on a store.
fn refusal(store: &str, format: u32, by: &str, supported: u32) -> Option<StoreError> {
    (format > supported).then(|| {
        let (by, own) = (if by.is_empty() { "a later version" } else { by }, env!("CARGO_PKG_VERSION"));
        StoreError::Unavailable(format!(
            "{store}: this store is of format {format}, written by MoRAG {by}; this process (MoRAG {own}) knows formats up to \
             {supported}: replace it by that version (docs/operations.md)"
        ))
    })
}

/// Renews the registration until it is dropped.
pub(super) struct Beats(AbortHandle);

impl Beats {
    pub(super) fn begin(redis: Arc<Connection>, gate: Arc<Gate>) -> Self {
        let beating = tokio::spawn(async move {
            loop {
                tokio::time::sleep(gate.options.silence_max / BEATS).await;
                // The next one, or a call, makes up for one that fails. A refusal has been logged.
                let _ = gate.register(&redis).await;
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
