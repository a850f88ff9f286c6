//! How an instance that did not return is reported: a stable code and a text for people.

use crate::limits::Breach;
use crate::limits::Meter;
use crate::log::StepLog;
use morag_core::JsonObject;
use morag_core::task::StepFailure;
use std::time::Duration;
use wasmtime::Trap;

/// Characters of a panic's text that go into the failure.
const PANIC_CHARS_MAX: usize = 500;

fn failure(code: &str, message: String) -> StepFailure {
    StepFailure { code: code.into(), message, details: JsonObject::new(), retryable: false }
}

/// The step broke a limit that the host counts.
pub(crate) fn breached(meter: &Meter, breach: Breach) -> StepFailure {
    let (code, text) = meter.explain(breach);
    failure(code, format!("{text}: the document may be damaged, made to harm, or too large for this server"))
}

/// The step ran longer than it may.
pub(crate) fn timed_out(limit: Duration) -> StepFailure {
    let text = format!("the step ran longer than its {} s: try a smaller document", limit.as_secs_f64());
    failure("PLUGIN_TIMEOUT", text)
}

/// The instance trapped or could not be made.
pub(crate) fn trapped(error: &wasmtime::Error, log: &StepLog) -> StepFailure {
    if error.downcast_ref::<wasmtime::PoolConcurrencyLimitError>().is_some() {
        let text = "the host has no free instance for the step: try again later".to_owned();
        return StepFailure { retryable: true, ..failure("PLUGIN_BUSY", text) };
    }
    if let Some(Trap::StackOverflow) = error.downcast_ref::<Trap>() {
        let text = "the step ran out of stack: the document is nested deeper than it can follow".to_owned();
        return failure("PLUGIN_STACK_LIMIT", text);
    }
    let cause = match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    };
    let printed = log.stderr_tail(PANIC_CHARS_MAX);
    let said = if printed.is_empty() { String::new() } else { format!("; it said: {printed}") };
    failure("PLUGIN_TRAP", format!("the step crashed on this document ({cause}){said}"))
}

/// The step returned something that is not what the interface says.
pub(crate) fn invalid_result(what: &str) -> StepFailure {
    failure("PLUGIN_RESULT_INVALID", format!("the step returned {what}: its author has to mend it"))
}

/// No such component is loaded.
pub(crate) fn unknown(component: &str) -> StepFailure {
    failure(
        "PLUGIN_UNKNOWN",
        format!("no component named {component} is loaded: put its .wasm into the plugins folder"),
    )
}

/// The host itself failed while the step ran: a defect of ours.
pub(crate) fn host_error(error: &tokio::task::JoinError) -> StepFailure {
    tracing::error!(%error, "the host failed while a step ran");
    let text = "the server failed while the step ran: try again, and tell the operator if it stays so".to_owned();
    StepFailure { retryable: true, ..failure("PLUGIN_HOST_ERROR", text) }
}
