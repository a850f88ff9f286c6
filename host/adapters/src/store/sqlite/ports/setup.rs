//! How the embedded store is set up: by us, so that there is nothing to find.

use super::SqliteStore;
use morag_core::ports::{Shortcoming, StoreSetup};

impl StoreSetup for SqliteStore {
    fn shortcomings(&self) -> Vec<Shortcoming> {
        Vec::new()
    }
}
