//! The tables of the task store: one file a table, with every statement on it. Nothing here decides or opens a transaction.

pub(super) mod chains;
pub(super) mod claims;
pub(super) mod clocks;
pub(super) mod credentials;
pub(super) mod cursors;
pub(super) mod deliveries;
pub(super) mod due;
pub(super) mod endpoints;
pub(super) mod events;
pub(super) mod flows;
pub(super) mod idempotency;
pub(super) mod key_values;
pub(super) mod records;
pub(super) mod schema;
pub(super) mod status_counts;
pub(super) mod stored_bytes;
pub(super) mod summaries;
pub(super) mod task_days;
pub(super) mod tasks;
