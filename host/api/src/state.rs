//! The state that handlers share.

use super::Fair;
use super::dependencies::LastReady;
use super::refused_keys::RefusedKeys;
use morag_engine::App;
use std::ops::Deref;
use std::sync::Arc;

/// The engine's parts, and the state that the requests of this process share.
pub struct Api {
    app: Arc<App>,
    /// The dependencies' last answers to a readiness request.
    pub(super) last_ready: LastReady,
    /// The limits that callers share.
    pub(super) fair: Fair,
    /// How many refused keys were logged.
    pub(super) refused_keys: RefusedKeys,
}

impl Api {
    /// Uses the engine's parts.
    pub fn new(app: Arc<App>) -> Arc<Self> {
        Arc::new(Self {
            app,
            last_ready: LastReady::default(),
            fair: Fair::default(),
            refused_keys: RefusedKeys::default(),
        })
    }
}

/// Handlers use the engine's parts directly.
impl Deref for Api {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}
