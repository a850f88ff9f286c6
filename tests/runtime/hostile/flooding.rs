//! Guests that exceed their limits and ignore errors.

use super::lab::{Lab, fails, reaches, wide_limits};
use morag_core::plugin::Limits;

pub async fn memory_bomb() {
    let allowed = 64 << 20;
    let measured = reaches("memory_bomb", wide_limits(), "PLUGIN_MEMORY_LIMIT", "memory", allowed, "bytes").await;
    assert!(measured <= allowed + (1 << 20), "{measured}");
    let (_, report) = fails("memory_bomb", wide_limits()).await;
    let peak = report.resources.peak_memory_bytes;
    assert!(peak > allowed - (1 << 20) && peak <= allowed, "{peak}");
}

pub async fn table_bomb() {
    reaches("table_bomb", wide_limits(), "PLUGIN_TABLE_LIMIT", "table_elements", 200_000, "elements").await;
}

pub async fn output_flood() {
    let measured = reaches("output_flood", wide_limits(), "PLUGIN_OUTPUT_LIMIT", "output", 8 << 20, "bytes").await;
    assert_eq!(measured, 9 << 20, "the write above the limit");
}

pub async fn artifact_flood() {
    let limits = Limits { artifacts_max: 2, ..wide_limits() };
    let measured = reaches("artifact_flood", limits, "PLUGIN_ARTIFACT_LIMIT", "artifacts", 2, "artifacts").await;
    assert_eq!(measured, 3);
    let report = Lab::new("artifact_flood", Limits { artifacts_max: 3, ..wide_limits() }).await.run().await;
    assert_eq!(report.result.unwrap().artifacts.len(), 3, "artifacts within the limit are kept");
}

/// An artifact that is written again still counts as one, and the last version is kept.
pub async fn artifact_anew() {
    let report = Lab::new("artifact_anew", Limits { artifacts_max: 1, ..wide_limits() }).await.run().await;
    let artifacts = report.result.unwrap_or_else(|failure| panic!("{failure:?}")).artifacts;
    assert_eq!(artifacts.iter().map(|staged| staged.artifact.size).collect::<Vec<_>>(), [5]);
}

/// Not fatal: the log is truncated, with a note of how much is missing.
pub async fn log_flood() {
    let limits = Limits { log_lines_max: 100, log_bytes_max: 1 << 20, ..wide_limits() };
    let report = Lab::new("log_flood", limits).await.run().await;
    assert!(report.result.is_ok(), "{:?}", report.result);
    assert_eq!((report.resources.log_lines, report.resources.log_bytes), (5000, 5_000_000));
    assert_eq!(report.log.len(), 101);
    let said = "of 4900 lines 4900000 bytes were not kept: the log was full, or the line too long";
    assert_eq!(report.log[100].message, said);

    let limits = Limits { log_lines_max: 5000, log_bytes_max: 10_500, ..wide_limits() };
    let report = Lab::new("log_flood", limits).await.run().await;
    assert_eq!(report.log.iter().map(|line| line.level.as_str()).filter(|level| *level == "info").count(), 11);
    assert_eq!(report.log[10].message.len(), 500 + '…'.len_utf8(), "the line that is cut");
    let said = "of 4990 lines 4989500 bytes were not kept: the log was full, or the line too long";
    assert_eq!(report.log[11].message, said);
}

pub async fn host_call_flood() {
    let limits = Limits { host_calls_max: 1000, ..wide_limits() };
    let measured = reaches("host_call_flood", limits, "PLUGIN_HOST_CALL_LIMIT", "host_calls", 1000, "calls").await;
    assert_eq!(measured, 1001);
}

pub async fn host_bytes_flood() {
    let limits = Limits { host_bytes_max: 4 << 20, ..wide_limits() };
    let measured = reaches("host_bytes_flood", limits, "PLUGIN_HOST_LIMIT", "host_bytes", 4 << 20, "bytes").await;
    assert_eq!(measured, 5 << 20, "the read above the limit");
}
