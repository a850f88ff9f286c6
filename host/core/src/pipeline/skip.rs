//! Which steps a task leaves out.

use super::{Condition, StepDefinition};
use crate::task::{SkipReason, TaskRecord};

impl Condition {
    /// Whether a task fulfils it.
    pub fn holds(&self, record: &TaskRecord) -> bool {
        let (media_types, media_type) = (self.media_types(), &record.source.media_type);
        (media_types.is_empty() || media_types.iter().any(|glob| glob.matches(media_type)))
            && record.metadata.has(self.metadata())
    }
}

/// Why a step is left out of a task, if it is. `is_loaded`: whether there is a component to run it with.
pub fn skip_reason(step: &StepDefinition, record: &TaskRecord, is_loaded: bool) -> Option<SkipReason> {
    match () {
        () if !step.when.holds(record) => Some(SkipReason::ConditionNotMet),
        () if step.optional && !is_loaded => Some(SkipReason::ComponentNotLoaded),
        () => None,
    }
}
