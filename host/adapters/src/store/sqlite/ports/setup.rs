//! [`StoreSetup`]: this server sets the embedded store up itself, so nothing can be missing.

use super::store::SqliteStore;
use morag_core::ports::{Shortcoming, StoreSetup};

impl StoreSetup for SqliteStore {
    fn shortcomings(&self) -> Vec<Shortcoming> {
        Vec::new()
    }
}
