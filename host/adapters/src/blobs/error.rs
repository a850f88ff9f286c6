//! Maps errors of `object_store` to errors of the port.

use morag_core::ports::BlobError;
use object_store::Error;
use std::io;

/// Longest text of an error: a proxy may respond with a whole page.
const TEXT_CHARS_MAX: usize = 600;

/// S3's code for a missing bucket. The status is the same as for a missing file.
const NO_SUCH_BUCKET: &str = "NoSuchBucket";

const KEY_ADVICE: &str = "; check the access key and what it may do in the bucket";

/// The error of an operation on a file that may be missing.
pub(super) fn blob_error(error: Error) -> BlobError {
    match &error {
        // A response to HEAD has no body with a code: a missing bucket then looks like a missing file.
        Error::NotFound { .. } if code(&error.to_string()) != Some(NO_SUCH_BUCKET) => BlobError::NotFound,
        _ => unavailable(error),
    }
}

/// The error of an operation on the storage itself: "not found" then means that the storage is missing.
pub(super) fn unavailable(error: Error) -> BlobError {
    let whole = error.to_string();
    let is_refused = matches!(error, Error::PermissionDenied { .. } | Error::Unauthenticated { .. });
    let advice = match code(&whole) {
        Some(NO_SUCH_BUCKET) => "; make the bucket, or correct its name",
        Some("AccessDenied" | "InvalidAccessKeyId" | "SignatureDoesNotMatch") => KEY_ADVICE,
        _ if is_refused => KEY_ADVICE,
        _ => "",
    };
    let text = text(&error, &whole) + advice;
    match is_full(&error) {
        true => BlobError::Full(text),
        false => BlobError::Unavailable(text),
    }
}

/// Whether the disk is full, or the user's quota is used up.
fn is_full(error: &Error) -> bool {
    std::iter::successors(std::error::Error::source(error), |cause| cause.source())
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
}

/// The error's text in one line. Of an S3 response only code and message are kept: the rest may repeat the key id and the signed request.
fn text(error: &Error, whole: &str) -> String {
    let mut text = match answer(whole) {
        Some((before, answer)) => {
            let told = [element(answer, "Code"), element(answer, "Message")].into_iter().flatten();
            std::iter::once(before.trim_end_matches([':', ' '])).chain(told).collect::<Vec<_>>().join(": ")
        }
        None => whole.to_owned(),
    };
    // The innermost cause says what happened (the connection was refused); the outer texts do not always include it.
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    if let Some(cause) = causes.last().map(ToString::to_string)
        && answer(&cause).is_none()
        && !text.contains(&cause)
    {
        text = format!("{text}: {cause}");
    }
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(TEXT_CHARS_MAX).collect()
}

/// The code of an S3 response. `object_store` exposes it only in its text.
fn code(text: &str) -> Option<&str> {
    element(answer(text)?.1, "Code")
}

/// Splits a text before the XML in it.
fn answer(text: &str) -> Option<(&str, &str)> {
    text.find("<?xml").or_else(|| text.find("<Error")).map(|at| text.split_at(at))
}

fn element<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (_, from) = answer.split_once(&format!("<{name}>"))?;
    from.split_once("</").map(|(content, _)| content)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSAL: &str = "Server returned non-2xx status code: 403 Forbidden: <?xml version=\"1.0\"?>\n<Error><Code>\
        SignatureDoesNotMatch</Code><Message>The signature differs.</Message><AWSAccessKeyId>AKIAEXAMPLE</AWSAccessKeyId>\
        <StringToSign>AWS4-HMAC-SHA256</StringToSign></Error>";

    fn missing(source: &str) -> Error {
        Error::NotFound { path: "tasks/a".into(), source: source.into() }
    }

    #[test]
    fn an_s3_error_is_shown_without_the_key() {
        let error = Error::PermissionDenied { path: "tasks/a".into(), source: REFUSAL.into() };
        let BlobError::Unavailable(text) = blob_error(error) else { panic!("not unavailable") };
        assert!(text.ends_with(
            "403 Forbidden: SignatureDoesNotMatch: The signature differs.; check the access key and what it may do in the \
             bucket"
        ), "{text}");
        assert!(!text.contains("AKIAEXAMPLE") && !text.contains("HMAC"), "{text}");
    }

    #[test]
    fn a_missing_bucket_is_not_a_missing_file() {
        let answer =
            |code: &str| missing(&format!("404: <Error><Code>{code}</Code><Message>It is not there</Message>"));
        assert_eq!(blob_error(answer("NoSuchKey")), BlobError::NotFound);
        assert_eq!(blob_error(missing("404")), BlobError::NotFound);
        assert!(
            matches!(blob_error(answer("NoSuchBucket")), BlobError::Unavailable(text) if text.contains("make the bucket"))
        );
        assert!(matches!(unavailable(missing("404")), BlobError::Unavailable(_)));
    }

    #[test]
    fn a_full_disk_is_reported_as_full() {
        let error =
            |kind: io::ErrorKind| Error::Generic { store: "LocalFileSystem", source: io::Error::from(kind).into() };
        assert!(matches!(unavailable(error(io::ErrorKind::StorageFull)), BlobError::Full(_)));
        assert!(matches!(blob_error(error(io::ErrorKind::QuotaExceeded)), BlobError::Full(_)));
        assert!(matches!(unavailable(error(io::ErrorKind::BrokenPipe)), BlobError::Unavailable(_)));
    }

    #[test]
    fn a_long_error_page_is_truncated() {
        let error = Error::Generic { store: "S3", source: "<html>\n".repeat(1000).into() };
        let BlobError::Unavailable(text) = blob_error(error) else { panic!("not unavailable") };
        assert!(text.len() <= TEXT_CHARS_MAX && !text.contains('\n'), "{text}");
    }
}
