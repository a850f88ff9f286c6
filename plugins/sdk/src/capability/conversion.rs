//! `conversion`: documents inside the task's document.

use super::CapabilityError;
use crate::{Blob, Data};

/// A document as markdown.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ConvertedDocument {
    /// CommonMark with GitHub tables.
    pub markdown: String,
    /// What the converter wrote as `document.json`; empty where it wrote none.
    pub document: Data,
    /// Name of the component that converted it.
    pub component: String,
}

/// A document that was not converted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// As a step's failure, for example `UNSUPPORTED_FORMAT`.
    pub code: String,
    /// What happened, to what, and what to do about it.
    pub message: String,
}

/// Converts documents that are inside the task's document: attachments of a mail, files of an archive. Capability `conversion`.
///
/// ```
/// use morag_step::mock::{MockConversion, MockTask};
/// use morag_step::{Conversion, ConvertedDocument, Failure, Task};
///
/// fn attachment(task: &dyn Task, converters: &dyn Conversion, name: &str, bytes: &[u8]) -> Result<String, Failure> {
///     let file = task.write_temporary_file("attachment", "application/octet-stream", bytes)?;
///     match converters.convert(file.as_ref(), name)? {
///         Ok(converted) => Ok(converted.markdown),
///         Err(refused) => Ok(format!("({name} could not be converted: {})", refused.message)),
///     }
/// }
///
/// let converters = MockConversion::by(|_name, bytes| {
///     Ok(ConvertedDocument { markdown: String::from_utf8_lossy(bytes).to_uppercase(), ..ConvertedDocument::default() })
/// });
/// let task = MockTask::new("a.eml", "");
/// assert_eq!(attachment(&task, &converters, "a.txt", b"hello").unwrap(), "HELLO");
/// assert_eq!(converters.asked(), ["a.txt"]);
/// ```
pub trait Conversion {
    /// Converts a temporary file of this run by the converters of the step that asks. The inner error is the converters': the document
    /// is not one that they can convert. `name` is the document's, whose extension is a hint.
    fn convert(&self, document: &dyn Blob, name: &str) -> Result<Result<ConvertedDocument, Refused>, CapabilityError>;
}
