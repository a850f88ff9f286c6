//! Guests that give wrong sizes and types, by the raw ABI.

use super::lab::{breaks_the_interface, fails, reaches, wide_limits};

pub async fn outcome_outside_memory() {
    breaks_the_interface("outcome_outside_memory", "PLUGIN_CALL_INVALID").await;
}

pub async fn outcome_too_large() {
    breaks_the_interface("outcome_too_large", "PLUGIN_CALL_INVALID").await;
}

pub async fn outcome_over_limit() {
    let (code, kib) = ("PLUGIN_RESULT_INVALID", 256 << 10);
    assert_eq!(reaches("outcome_over_limit", wide_limits(), code, "data", kib, "bytes").await, 300 << 10);
}

pub async fn outcome_no_text() {
    breaks_the_interface("outcome_no_text", "PLUGIN_CALL_INVALID").await;
}

pub async fn outcome_no_variant() {
    breaks_the_interface("outcome_no_variant", "PLUGIN_CALL_INVALID").await;
}

pub async fn outcome_unaligned() {
    breaks_the_interface("outcome_unaligned", "PLUGIN_CALL_INVALID").await;
}

pub async fn failure_too_large() {
    let (failure, _) = fails("failure_too_large", wide_limits()).await;
    assert_eq!((failure.code.as_str(), failure.message.len()), ("TOO_LARGE", 4 << 10));
    assert!(failure.details.is_empty());
}

pub async fn log_outside_memory() {
    breaks_the_interface("log_outside_memory", "PLUGIN_CALL_INVALID").await;
}

pub async fn log_no_level() {
    breaks_the_interface("log_no_level", "PLUGIN_CALL_INVALID").await;
}

pub async fn write_too_large() {
    breaks_the_interface("write_too_large", "PLUGIN_CALL_INVALID").await;
}

pub async fn answer_outside_memory() {
    breaks_the_interface("answer_outside_memory", "PLUGIN_CALL_INVALID").await;
}

pub async fn realloc_outside_memory() {
    breaks_the_interface("realloc_outside_memory", "PLUGIN_CALL_INVALID").await;
}
