//! Pictures: what the model gets is as large as it says, and a picture that cannot be decoded ends in a code.
#![no_main]

use libfuzzer_sys::fuzz_target;
use morag_step::mock::{MockOcr, MockTask, MockTranscription};

/// Codes of a picture that is not read.
const CODES: [&str; 6] =
    ["CORRUPT_DOCUMENT", "DOCUMENT_TOO_LARGE", "EMPTY_DOCUMENT", "NO_TEXT", "UNSUPPORTED_CODEC", "UNSUPPORTED_FORMAT"];

fuzz_target!(|bytes: &[u8]| {
    let ocr = MockOcr::reading(["words"]);
    // Refuses a picture whose pixels are not as many as its sides say; that is OCR_FAILED.
    let result = media_conversion::run(&MockTask::new("picture", bytes), &MockTranscription::absent(), &ocr);
    if let Err(failure) = result {
        let is_small = failure.code == "OCR_FAILED" && failure.message.contains("sides of 16");
        assert!(is_small || CODES.contains(&failure.code.as_str()), "{failure}");
    }
});
