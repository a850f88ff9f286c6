//! How an instance that did not return is reported: a stable code, a text for people, and what was measured.

use crate::engine_config::WASM_STACK_BYTES;
use crate::guest::NotUsable;
use crate::limits::Reached;
use crate::load_error::LoadErrorReason;
use crate::log::StepLog;
use morag_core::JsonObject;
use morag_core::plugin::FailureCode;
use morag_core::task::StepFailure;
use serde_json::json;
use wasmtime::Trap;
use wasmtime_wasi::I32Exit;

/// Characters of a panic's text that go into the failure.
const PANIC_CHARS_MAX: usize = 500;

fn failure(code: FailureCode, message: String) -> StepFailure {
    StepFailure { code: code.as_str().into(), message, details: JsonObject::new(), retryable: false }
}

/// Details of a failure by a limit; `measured` is left out where the host cannot know it.
fn measured(limit: &str, allowed: u64, measured: Option<u64>, unit: &str) -> JsonObject {
    let mut details = JsonObject::new();
    details.insert("limit".into(), json!(limit));
    details.insert("allowed".into(), json!(allowed));
    if let Some(measured) = measured {
        details.insert("measured".into(), json!(measured));
    }
    details.insert("unit".into(), json!(unit));
    details
}

/// The step reached a limit that the host counts. `is_share`: the limit is what a document around this one had left.
pub(crate) fn limited(reached: &Reached, is_share: bool) -> StepFailure {
    let Reached { code, limit, allowed, measured: found, unit, text } = reached;
    let advice = match code {
        _ if is_share => "that is all that the document around it had left: submit this document by itself",
        FailureCode::Timeout | FailureCode::CpuLimit => "try a smaller document",
        _ => "the document may be damaged, made to harm, or too large for this server",
    };
    StepFailure {
        details: measured(limit, *allowed, Some(*found), unit),
        ..failure(*code, format!("{text}: {advice}"))
    }
}

/// The instance trapped or could not be made.
pub(crate) fn trapped(error: &wasmtime::Error, log: &StepLog) -> StepFailure {
    if error.downcast_ref::<wasmtime::PoolConcurrencyLimitError>().is_some() {
        let text = "the host has no free instance for the step: try again later".to_owned();
        return StepFailure { retryable: true, ..failure(FailureCode::Busy, text) };
    }
    let printed = log.stderr_tail(PANIC_CHARS_MAX);
    let said = if printed.is_empty() { String::new() } else { format!("; it said: {printed}") };
    match error.downcast_ref::<Trap>() {
        Some(Trap::StackOverflow) => {
            let text = "the step ran out of stack: the document is nested deeper than it can follow".to_owned();
            let details = measured("stack", WASM_STACK_BYTES as u64, None, "bytes");
            StepFailure { details, ..failure(FailureCode::StackLimit, text) }
        }
        Some(trap) => failure(FailureCode::Trap, format!("the step crashed on this document ({trap}){said}")),
        None => match error.downcast_ref::<I32Exit>() {
            Some(exit) => failure(FailureCode::Trap, format!("the step ended itself on this document ({exit}){said}")),
            // Not the machine's trap but the host's refusal: a handle that is not the guest's, a text that is no text or lies
            // outside its memory, more in one call than a call may carry.
            None => {
                let cause = error.root_cause();
                let text = format!("the step did not keep to the interface ({cause}): its author has to mend it{said}");
                failure(FailureCode::CallInvalid, text)
            }
        },
    }
}

/// The step returned a value that the interface does not allow.
pub(crate) fn invalid_result(what: &str) -> StepFailure {
    failure(FailureCode::ResultInvalid, format!("the step returned {what}: its author has to mend it"))
}

/// The step returned more data than a step may.
pub(crate) fn large_result(allowed: usize, found: usize) -> StepFailure {
    let details = measured("data", allowed as u64, Some(found as u64), "bytes");
    StepFailure { details, ..invalid_result(&format!("more than {} KiB of data", allowed >> 10)) }
}

/// The step needs a service that its operator has to set up or mend first.
pub(crate) fn not_usable(service: NotUsable) -> StepFailure {
    let NotUsable { code, text } = service;
    failure(code, format!("{text}. Submit the document again, or retry the task, when it is done"))
}

/// No such component is loaded.
pub(crate) fn unknown(component: &str) -> StepFailure {
    failure(
        FailureCode::Unknown,
        format!("no component named {component} is loaded: put its .wasm into the plugins folder"),
    )
}

/// The component could not be compiled when this document first needed it.
pub(crate) fn not_compiled(component: &str, reason: &LoadErrorReason) -> StepFailure {
    tracing::error!(plugin = component, %reason, "a component that was loaded cannot be compiled: documents that need it fail");
    let (retryable, public) = match reason {
        LoadErrorReason::Compile(error) => (error.is_passing(), error.public()),
        _ => (false, reason.to_string()),
    };
    let text = format!("the component {component} could not be compiled when this document needed it: {public}");
    StepFailure { retryable, ..failure(FailureCode::NotCompiled, text) }
}

/// The host itself failed while the step ran: a defect of ours.
pub(crate) fn host_error(error: &tokio::task::JoinError) -> StepFailure {
    tracing::error!(%error, "the host failed while a step ran");
    let text = "the server failed while the step ran: try again, and tell the operator if it stays so".to_owned();
    StepFailure { retryable: true, ..failure(FailureCode::HostError, text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::CompileError;
    use std::time::Duration;

    #[test]
    fn only_a_passing_want_of_the_machine_is_worth_a_retry() {
        let failure = |error| not_compiled("pdf", &LoadErrorReason::Compile(error));
        for passing in [CompileError::WallTime(Duration::from_secs(1)), CompileError::Killed] {
            assert!(failure(passing).retryable);
        }
        let (path, since) = ("/var/lib/morag/x.refused".to_owned(), "yesterday".to_owned());
        let remembered =
            CompileError::Remembered { reason: "it takes too long".into(), since: since.clone(), path: path.clone() };
        let large = CompileError::TooLarge { what: "functions", found: 2, allowed: 1 };
        for lasting in [remembered, CompileError::Interrupted { times: 3, last: since, path }, large] {
            assert!(!failure(lasting).retryable);
        }
    }

    #[test]
    fn a_submitter_sees_no_path_of_the_server() {
        let path = "/var/lib/morag/x.refused".to_owned();
        let errors = [
            CompileError::Remembered {
                reason: "it takes too long".into(),
                since: "yesterday".into(),
                path: path.clone(),
            },
            CompileError::Interrupted { times: 3, last: "yesterday".into(), path: path.clone() },
            CompileError::NotRun(format!("{path}: no space left")),
        ];
        for error in errors {
            assert!(error.to_string().contains(&path));
            let message = not_compiled("pdf", &LoadErrorReason::Compile(error)).message;
            assert!(!message.contains("/var") && message.contains("pdf"), "{message}");
        }
    }
}
