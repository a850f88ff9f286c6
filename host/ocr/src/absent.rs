//! Stands in where pictures are not read.

use async_trait::async_trait;
use morag_core::ports::{CapabilityError, Picture, PictureReader, Reading, ReadingModel};

/// Fails every call with an error that says what the operator can do.
#[derive(Debug, Clone, Copy)]
pub struct NoReader;

fn absent() -> CapabilityError {
    CapabilityError::Unavailable("this server reads no pictures: its operator has set `ocr` to `off`".to_owned())
}

#[async_trait]
impl PictureReader for NoReader {
    fn model(&self) -> Result<ReadingModel, CapabilityError> {
        Err(absent())
    }

    async fn read(&self, _: Picture) -> Result<Reading, CapabilityError> {
        Err(absent())
    }
}
