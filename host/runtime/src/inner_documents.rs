//! Conversion of documents inside a document, as the capability `conversion` asks for it.

use crate::budget::Ledger;
use crate::run_time::Share;
use crate::stopwatch::Stopwatch;
use async_trait::async_trait;
use morag_core::ports::{StepCall, StepReport};
use std::sync::Arc;
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

    /// The clock of the step's run, which is that of the runs for documents inside its document too.
    fn clock(&self) -> Stopwatch;

    /// Runs the first component that takes the document, all that are asked within `share`. With the report comes the id that it has
    /// staged its files under.
    async fn convert(&self, call: StepCall, share: &Share) -> (StepReport, Uuid);
}
