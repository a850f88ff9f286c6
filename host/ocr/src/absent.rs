//! Stands in where pictures are not read.

use async_trait::async_trait;
use morag_core::plugin::FailureCode;
use morag_core::ports::{CapabilityError, Picture, PictureReader, Reading, ReadingModel};

/// Fails every call with an error that says what the operator can do.
#[derive(Debug, Clone, Copy)]
pub struct NoReader;

/// What an operator is told who has switched it off.
pub fn off() -> CapabilityError {
    let text = "this server reads no pictures: its operator has set `ocr` to `off`".to_owned();
    CapabilityError::NotUsable { code: FailureCode::OcrNotConfigured, text }
}

#[async_trait]
impl PictureReader for NoReader {
    fn model(&self) -> Result<ReadingModel, CapabilityError> {
        Err(off())
    }

    async fn read(&self, _: Picture) -> Result<Reading, CapabilityError> {
        Err(off())
    }
}
