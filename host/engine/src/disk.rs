//! Whether there is room on the disk for more: below `MORAG_DISK_FREE_MIN` nothing new is taken, so that what runs can end.

use morag_core::ports::Disk;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The room that is kept for what runs.
#[derive(Clone)]
pub struct DiskReserve {
    /// None where the process writes to no disk of its own.
    disk: Option<Arc<dyn Disk>>,
    bytes_min: u64,
    /// Whether there was too little when it was looked at last: said once, and not for each request that is refused.
    is_low: Arc<AtomicBool>,
}

/// How it stands with the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// As much as is kept free, or more.
    Enough,
    /// So many bytes: less than that.
    Low(u64),
    /// The disk does not say.
    Unknown,
}

/// The disk has less room than is kept free. The text is for callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "The server's disk has {} free, and below {} (MORAG_DISK_FREE_MIN) no new task is taken, so that those that run can end: \
     try again later, or make room",
    mebibytes(*.free),
    mebibytes(*.bytes_min)
)]
pub struct DiskFull {
    /// Bytes that are free.
    pub free: u64,
    /// Bytes that are kept free.
    pub bytes_min: u64,
}

impl DiskReserve {
    /// Keeps so many bytes free; 0: none.
    pub fn new(disk: Option<Arc<dyn Disk>>, bytes_min: u64) -> Self {
        Self { disk, bytes_min, is_low: Arc::default() }
    }

    /// Whether any are kept free here.
    pub fn is_kept(&self) -> bool {
        self.disk.is_some() && self.bytes_min > 0
    }

    /// Bytes that are free; none where there is no disk, or it does not say.
    pub async fn free_bytes(&self) -> Option<u64> {
        self.disk.as_ref()?.free_bytes().await.ok()
    }

    /// How it stands now, or did a moment ago.
    pub async fn room(&self) -> Room {
        let Some(disk) = self.disk.as_ref().filter(|_| self.is_kept()) else { return Room::Enough };
        match disk.free_bytes().await {
            Ok(free) => {
                let is_low = free < self.bytes_min;
                if self.is_low.swap(is_low, Ordering::Relaxed) != is_low {
                    self.tell(free);
                }
                if is_low { Room::Low(free) } else { Room::Enough }
            }
            Err(error) => {
                tracing::warn!("{error}");
                Room::Unknown
            }
        }
    }

    fn tell(&self, free: u64) {
        let (free_text, least) = (mebibytes(free), mebibytes(self.bytes_min));
        match free < self.bytes_min {
            true => tracing::warn!(
                free,
                "the disk has {free_text} free, less than {least} (MORAG_DISK_FREE_MIN): no new task is taken until there is room"
            ),
            false => tracing::info!(free, "the disk has {free_text} free again: new tasks are taken"),
        }
    }

    /// Refuses what is new where there is too little room. Where the disk does not say, it is taken: what cannot be written
    /// fails by itself.
    pub async fn check(&self) -> Result<(), DiskFull> {
        match self.room().await {
            Room::Low(free) => Err(DiskFull { free, bytes_min: self.bytes_min }),
            Room::Enough | Room::Unknown => Ok(()),
        }
    }
}

/// A number of bytes as people read it, rounded down.
fn mebibytes(bytes: u64) -> String {
    match bytes >> 20 {
        0 => format!("{bytes} bytes"),
        mebibytes => format!("{mebibytes} MiB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use morag_core::ports::DiskError;

    struct Fixed(Result<u64, DiskError>);

    #[async_trait]
    impl Disk for Fixed {
        async fn free_bytes(&self) -> Result<u64, DiskError> {
            self.0.clone()
        }
    }

    async fn room(free: Result<u64, DiskError>, bytes_min: u64) -> (Room, bool) {
        let reserve = DiskReserve::new(Some(Arc::new(Fixed(free))), bytes_min);
        (reserve.room().await, reserve.check().await.is_ok())
    }

    #[tokio::test]
    async fn below_the_least_nothing_new_is_taken() {
        assert_eq!(room(Ok(100), 100).await, (Room::Enough, true));
        assert_eq!(room(Ok(99), 100).await, (Room::Low(99), false));
        assert_eq!(room(Ok(0), 0).await, (Room::Enough, true), "nothing is kept free");
        assert_eq!(room(Err(DiskError("gone".into())), 100).await, (Room::Unknown, true));
        assert_eq!(DiskReserve::new(None, 100).room().await, Room::Enough, "no disk of its own");
        let reserve = DiskReserve::new(Some(Arc::new(Fixed(Ok(5 << 20)))), 256 << 20);
        let refused = reserve.check().await.unwrap_err();
        let text = refused.to_string();
        assert!(text.contains("5 MiB free") && text.contains("256 MiB"), "{text}");
    }
}
