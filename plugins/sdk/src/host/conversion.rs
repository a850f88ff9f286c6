//! `conversion` of the real host.

use crate::bindings::morag::step::conversion;
use crate::{Blob, CapabilityError, Conversion, ConvertedDocument, Refused};

/// The capability `conversion`.
#[derive(Debug, Clone, Copy)]
pub struct ConversionHandle;

impl Conversion for ConversionHandle {
    fn convert(&self, document: &dyn Blob, name: &str) -> Result<Result<ConvertedDocument, Refused>, CapabilityError> {
        let Some(document) = document.host_blob() else {
            let why = "only files of the host can be converted: write the document as a temporary file first";
            return Err(CapabilityError::Invalid(why.into()));
        };
        Ok(match conversion::convert(document, name)? {
            conversion::Outcome::Converted(converted) => Ok(ConvertedDocument {
                markdown: converted.markdown,
                document: super::object(&converted.document),
                component: converted.component,
            }),
            conversion::Outcome::Refused(refused) => Err(Refused { code: refused.code, message: refused.message }),
        })
    }
}
