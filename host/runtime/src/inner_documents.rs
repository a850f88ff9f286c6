//! Conversion of documents inside a document, as the capability `conversion` asks for it.

use crate::budget::Ledger;
use async_trait::async_trait;
use morag_core::ports::{StepCall, StepReport};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Documents within each other: an archive in a mail, and a mail in that. More is what bombs are made of. The WIT says so.
pub(crate) const DEPTH_MAX: u32 = 2;

/// The components of a step, as those that convert documents inside its document.
#[async_trait]
pub(crate) trait InnerDocuments: Send + Sync {
    /// The same, for documents one level further in.
    fn deeper(&self) -> Arc<dyn InnerDocuments>;

    /// How many documents the document is in: 0 for the task's own.
    fn depth(&self) -> u32;

    /// What the step's run has used of its budgets, with what is used for documents inside its document.
    fn ledger(&self) -> Ledger;

    /// Runs the first component that takes the document, each within `time_max` by the clock. With the report comes the id that it has
    /// staged its files under.
    async fn convert(&self, call: StepCall, time_max: Duration) -> (StepReport, Uuid);
}
