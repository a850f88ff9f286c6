//! The ports of a process, in memory.

use crate::{FakeClock, MemoryBlobs, NOW, TestNetwork, TestStore};
use async_trait::async_trait;
use morag_adapters::store::sqlite::{Options, SqliteKnowledge};
use morag_core::ports::{
    Disk, DiskError, Disowned, Knowledge, Ownership, Ports, Process, ProcessUsage, Shortcoming, StoreSetup,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Free bytes of the disk: exactly the default reserve.
const DISK_FREE: u64 = 256 << 20;

/// All ports of a process, with what tests set and read.
pub struct Memory {
    /// Tasks, queue, deliveries, endpoints and feed.
    pub store: Arc<TestStore>,
    /// Files.
    pub blobs: Arc<MemoryBlobs>,
    /// Documents and webhooks.
    pub network: Arc<TestNetwork>,
    /// The time, which begins at [`NOW`] and stands still.
    pub clock: Arc<FakeClock>,
    /// Set when the process stops.
    pub stop: CancellationToken,
    /// Settings of the store that may lose tasks.
    pub shortcomings: Mutex<Vec<Shortcoming>>,
    /// Why the files belong to another installation.
    pub disowned: Mutex<Option<Disowned>>,
    /// Bytes by which the disk falls short of the reserve.
    pub disk_misses: Mutex<u64>,
    knowledge: Arc<SqliteKnowledge>,
}

impl Default for Memory {
    fn default() -> Self {
        let (clock, blobs) = (Arc::new(FakeClock::at(NOW)), Arc::<MemoryBlobs>::default());
        let store = TestStore::new(clock.clone(), blobs.clone(), Options::default());
        let knowledge = SqliteKnowledge::open(&store.folder().join("knowledge.db"), None).unwrap();
        Self {
            store: Arc::new(store),
            blobs,
            network: Arc::default(),
            clock,
            stop: CancellationToken::new(),
            shortcomings: Mutex::default(),
            disowned: Mutex::default(),
            disk_misses: Mutex::default(),
            knowledge: Arc::new(knowledge),
        }
    }
}

impl Memory {
    /// The ports in the form that a process gets.
    pub fn ports(self: &Arc<Self>) -> Ports {
        Ports {
            tasks: self.store.clone(),
            queue: self.store.clone(),
            deliveries: self.store.clone(),
            chains: self.store.clone(),
            endpoints: self.store.clone(),
            feed: self.store.clone(),
            knowledge: self.knowledge.clone() as Arc<dyn Knowledge>,
            setup: self.clone(),
            blobs: self.blobs.clone(),
            ownership: self.clone(),
            sender: self.network.clone(),
            fetcher: self.network.clone(),
            clock: self.clock.clone(),
            disk: Some(self.clone()),
            process: Some(self.clone()),
        }
    }
}

impl StoreSetup for Memory {
    fn shortcomings(&self) -> Vec<Shortcoming> {
        self.shortcomings.lock().unwrap().clone()
    }
}

#[async_trait]
impl Ownership for Memory {
    async fn claim(&self) -> Result<(), Disowned> {
        self.confirm().await
    }
    async fn confirm(&self) -> Result<(), Disowned> {
        self.disowned.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl Disk for Memory {
    async fn free_bytes(&self) -> Result<u64, DiskError> {
        Ok(DISK_FREE - *self.disk_misses.lock().unwrap())
    }
}

#[async_trait]
impl Process for Memory {
    async fn usage(&self) -> Option<ProcessUsage> {
        let cpu = Duration::from_millis(1500);
        Some(ProcessUsage { resident_bytes: 64 << 20, cpu, open_files: 12, started: NOW })
    }
}
