//! The ports of [`SqliteStore`](store::SqliteStore): one file a port, or a transaction of one. A transaction reads facts from the
//! tables, asks [`morag_core::store_policy`] what follows, and writes that. No SQL is written here.

mod accept;
mod admission;
mod advance;
mod chains;
mod claim;
mod commit;
mod context;
mod deliveries;
mod due_queue;
mod endpoint_deliveries;
mod endpoints;
mod expire;
mod feed;
mod key_values;
mod lanes;
mod pages;
mod resend;
mod rotor;
mod setup;
pub(super) mod store;
mod tasks;
mod wakes;
