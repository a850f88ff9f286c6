//! The converter as the host sees it.

mod films;
mod pictures;
mod recordings;

use crate::run;
use morag_step::mock::{MockOcr, MockTask, MockTranscription};
use morag_step::{Data, Failure, Segment, Transcript};

/// A transcript of these segments: second of the beginning, and text.
fn said(segments: &[(u64, &str)]) -> Transcript {
    let segment = |(second, text): &(u64, &str)| Segment {
        start_ms: second * 1000,
        end_ms: second * 1000 + 900,
        text: (*text).to_owned(),
    };
    Transcript { text: "all of it".into(), segments: segments.iter().map(segment).collect(), ..Transcript::default() }
}

fn hearing(segments: &[(u64, &str)]) -> MockTranscription {
    MockTranscription::hearing(said(segments))
}

/// Runs a task over a recording; nothing can be read in pictures.
fn heard(task: &MockTask, service: &MockTranscription) -> Result<Data, Failure> {
    run(task, service, &MockOcr::reading([]))
}

/// What a damaged file may fail with.
const CODES: [&str; 9] = [
    "CORRUPT_DOCUMENT",
    "EMPTY_DOCUMENT",
    "DOCUMENT_TOO_LARGE",
    "UNSUPPORTED_FORMAT",
    "UNSUPPORTED_CODEC",
    "NO_SOUND_TRACK",
    "NO_TEXT",
    "UNSUPPORTED_SCRIPT",
    "OCR_LIMIT",
];

/// Runs the task, and checks that it wrote a document or failed with a code of its own.
fn converts_or_says_why(bytes: &[u8], name: &str) -> Result<(), proptest::test_runner::TestCaseError> {
    let task = MockTask::new(name, bytes);
    match run(&task, &hearing(&[(1, "Hello."), (70, "Bye.")]), &MockOcr::reading(["Hello"])) {
        Ok(_) => {
            let markdown = task.text("markdown.md");
            proptest::prop_assert!(markdown.ends_with('\n') && !markdown.contains('\r'));
        }
        Err(failure) => proptest::prop_assert!(CODES.contains(&failure.code.as_str()), "{failure}"),
    }
    Ok(())
}
