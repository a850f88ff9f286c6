//! Whether there is room on the disk for more: below `MORAG_DISK_FREE_MIN` nothing new is taken, so that what runs can end.

use crate::api::ApiError;
use axum::http::StatusCode;
use morag_core::ports::Disk;
use std::sync::Arc;

/// The room that is kept for what runs.
#[derive(Clone)]
pub struct DiskReserve {
    /// None where the process writes to no disk of its own, or nothing is kept free.
    disk: Option<Arc<dyn Disk>>,
    bytes_min: u64,
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

impl DiskReserve {
    /// Keeps so many bytes free; 0: none.
    pub fn new(disk: Option<Arc<dyn Disk>>, bytes_min: u64) -> Self {
        Self { disk: disk.filter(|_| bytes_min > 0), bytes_min }
    }

    /// Whether any are kept free here.
    pub fn is_kept(&self) -> bool {
        self.disk.is_some()
    }

    /// How it stands now, or did a moment ago.
    pub async fn room(&self) -> Room {
        let Some(disk) = &self.disk else { return Room::Enough };
        match disk.free_bytes().await {
            Ok(free) if free < self.bytes_min => Room::Low(free),
            Ok(_) => Room::Enough,
            Err(error) => {
                tracing::warn!("{error}");
                Room::Unknown
            }
        }
    }

    /// Refuses what is new with 507 where there is too little room. Where the disk does not say, it is taken: what cannot be written
    /// fails by itself.
    pub async fn check(&self) -> Result<(), ApiError> {
        let Room::Low(free) = self.room().await else { return Ok(()) };
        let text = format!(
            "The server's disk has {} free, and below {} (MORAG_DISK_FREE_MIN) no new task is taken, so that those that run can end: \
             try again later, or make room",
            mebibytes(free),
            mebibytes(self.bytes_min)
        );
        Err(ApiError::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", text).retry_after())
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
        assert_eq!((refused.status().as_u16(), refused.code()), (507, "disk_full"));
        assert!(
            refused.public().contains("5 MiB free") && refused.public().contains("256 MiB"),
            "{}",
            refused.public()
        );
    }
}
