//! The shape that every capability has.

use crate::budget::{Allowance, Ledger};
use crate::call_spans::CallSpans;
use crate::guest::Instance;
use crate::inner_documents::InnerDocuments;
use crate::log::StepLog;
use crate::run_time::RunTime;
use crate::services::Services;
use crate::state::State;
use crate::store::HOSTCALL_BYTES_MAX;
use morag_core::plugin::{Budget, Capability, Descriptor, Grant};
use morag_core::ports::Revision;
use std::sync::Arc;
use wasmtime::component::Linker;

/// The host's side of one capability.
///
/// Its file has all that the runtime has of it: the functions that a guest calls, their limits, and their state during a call.
/// A component that was not granted the capability is linked without its functions, and a call has no state of it.
pub(crate) trait CapabilityHost: Sync {
    /// The capability that the operator grants.
    fn capability(&self) -> Capability;

    /// Whether a component imports the capability by this name. By default, where the name is that of an interface of
    /// `morag:step` that is called as the capability is.
    fn is_import(&self, import: &str) -> bool {
        let rest = import.strip_prefix("morag:step/").unwrap_or_default();
        rest.split_once('@').map_or(rest, |(name, _)| name) == self.capability().as_str()
    }

    /// Whether its writes are staged, and published or discarded when the call ends.
    fn is_staging(&self) -> bool {
        false
    }

    /// Bytes of host memory that the arguments or results of one of its calls may take. The guests that run at once bound how often
    /// that is taken.
    fn hostcall_bytes_max(&self) -> usize {
        HOSTCALL_BYTES_MAX
    }

    /// Links its functions, by [`Instance::called`].
    ///
    /// # Errors
    /// Where a function is linked already.
    fn link(&self, linker: &mut Linker<Instance>) -> wasmtime::Result<()>;

    /// Its state at the beginning of a call.
    fn start(&self, call: &CallContext<'_>) -> Box<dyn State>;
}

/// What the state of a capability is made of.
pub(crate) struct CallContext<'a> {
    /// The ports behind the capabilities.
    pub(crate) services: &'a Services,
    /// The components of the step, as those that convert documents inside its document.
    pub(crate) inner: &'a Arc<dyn InnerDocuments>,
    /// The component that is called.
    pub(crate) descriptor: &'a Descriptor,
    /// What the operator allows it.
    pub(crate) grant: &'a Arc<Grant>,
    /// The revision that staged writes belong to.
    pub(crate) revision: &'a Revision,
    /// The step's log.
    pub(crate) log: &'a StepLog,
    /// Spans of the step's calls.
    pub(crate) calls: &'a CallSpans,
    /// What the step's run has used of its budgets.
    pub(crate) ledger: &'a Ledger,
    /// What the run has used of its time.
    pub(crate) time: &'a RunTime,
}

impl CallContext<'_> {
    /// What the component may use of a budget, with what this run of the step has left of it.
    pub(super) fn allowance(&self, budget: Budget) -> Allowance {
        Allowance::of(budget, &self.grant.budgets, self.ledger, &self.descriptor.name)
    }
}
