//! Converters that answer by a function.

use crate::{Blob, CapabilityError, Conversion, ConvertedDocument, Refused, blob_bytes};
use std::cell::RefCell;

type Answer = dyn Fn(&str, &[u8]) -> Result<ConvertedDocument, Refused>;

/// Converters that answer by a function of a document's name and bytes.
pub struct MockConversion {
    answer: Box<Answer>,
    asked: RefCell<Vec<String>>,
}

impl std::fmt::Debug for MockConversion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MockConversion").field("asked", &self.asked).finish_non_exhaustive()
    }
}

impl MockConversion {
    /// Converters with this answer.
    pub fn by(answer: impl Fn(&str, &[u8]) -> Result<ConvertedDocument, Refused> + 'static) -> Self {
        Self { answer: Box::new(answer), asked: RefCell::default() }
    }

    /// The names of the documents that it got.
    pub fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }
}

impl Conversion for MockConversion {
    fn convert(&self, document: &dyn Blob, name: &str) -> Result<Result<ConvertedDocument, Refused>, CapabilityError> {
        let bytes = blob_bytes(document).map_err(|failure| CapabilityError::Unavailable(failure.message))?;
        self.asked.borrow_mut().push(name.into());
        Ok((self.answer)(name, &bytes))
    }
}
