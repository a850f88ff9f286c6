//! What the handlers share.

use super::audit::Audit;
use super::{Fair, LastReady};
use morag_engine::App;
use std::ops::Deref;
use std::sync::Arc;

/// The engine's parts, and what the callers of this process share.
pub struct Api {
    app: Arc<App>,
    /// What the dependencies last answered to who asked for readiness.
    pub(super) last_ready: LastReady,
    /// What callers share of this process.
    pub(super) fair: Fair,
    /// What is written of refused keys.
    pub(super) audit: Audit,
}

impl Api {
    /// On the engine's parts.
    pub fn new(app: Arc<App>) -> Arc<Self> {
        Arc::new(Self { app, last_ready: LastReady::default(), fair: Fair::default(), audit: Audit::default() })
    }
}

/// Handlers read the engine's parts as their own.
impl Deref for Api {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}
