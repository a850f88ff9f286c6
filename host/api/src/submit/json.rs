//! Reading a JSON body.

use super::field_value::FieldObject;
use crate::ApiError;
use crate::error::FieldError;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use std::time::Duration;

/// Largest JSON body of a submission: 50 items with long metadata.
const BYTES_MAX: usize = 4 << 20;

/// Largest JSON body of other routes, which is parsed as a whole: an endpoint with as many headers as it may have.
const SMALL_BYTES_MAX: usize = 256 << 10;

/// Longest time of a JSON body: the largest takes a minute at half a Mbit a second. A client that sends byte by byte would hold a
/// connection for days.
const TIME_MAX: Duration = Duration::from_secs(60);

/// Reads the body of a submission, a JSON object, whatever its declared type. Its objects and arrays stay text.
pub async fn read_fields(request: Request) -> Result<FieldObject, ApiError> {
    object(&bytes(request, BYTES_MAX, TIME_MAX).await?)
}

/// Reads a body into a type: a JSON object, whatever its declared type.
///
/// # Errors
/// 422 with all that is wrong with its fields, and those of a body that cannot be read.
pub async fn read_as<T: DeserializeOwned>(request: Request) -> Result<T, ApiError> {
    read_object(&object(&bytes(request, SMALL_BYTES_MAX, TIME_MAX).await?)?)
}

/// As [`read_as`], for a body that may be absent, which is as good as an empty object.
///
/// # Errors
/// As [`read_as`].
pub async fn read_optional_as<T: DeserializeOwned>(request: Request) -> Result<T, ApiError> {
    read_object(&optional_object(request).await?)
}

fn read_object<T: DeserializeOwned>(object: &FieldObject) -> Result<T, ApiError> {
    let read = morag_input::read(object);
    read.map_err(|problems| ApiError::invalid(problems.iter().map(FieldError::in_body).collect()))
}

/// As [`read_optional_as`], for bodies in which an empty text is as good as none.
///
/// # Errors
/// As [`read_as`].
pub async fn read_texts_as<T: DeserializeOwned>(request: Request) -> Result<T, ApiError> {
    let read = morag_input::read_texts(&optional_object(request).await?);
    read.map_err(|problems| ApiError::invalid(problems.iter().map(FieldError::in_body).collect()))
}

async fn optional_object(request: Request) -> Result<FieldObject, ApiError> {
    let body = bytes(request, SMALL_BYTES_MAX, TIME_MAX).await?;
    match body.trim_ascii().is_empty() {
        true => Ok(FieldObject::default()),
        false => object(&body),
    }
}

async fn bytes(request: Request, bytes_max: usize, time_max: Duration) -> Result<Vec<u8>, ApiError> {
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: u64| length > bytes_max as u64) {
        return Err(too_large(bytes_max));
    }
    tokio::time::timeout(time_max, joined(request.into_body(), bytes_max)).await.map_err(|_| too_slow(time_max))?
}

/// A body in one piece. Its pieces are copied and dropped one by one: pieces of one byte would take twenty-five times their length.
async fn joined(mut body: Body, bytes_max: usize) -> Result<Vec<u8>, ApiError> {
    let mut joined = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            ApiError::bad_request("incomplete_body", "The body ends early").with_log(error.to_string())
        })?;
        // Trailers are ignored.
        let Ok(piece) = frame.into_data() else { continue };
        if piece.len() > bytes_max - joined.len() {
            return Err(too_large(bytes_max));
        }
        joined.extend_from_slice(&piece);
    }
    Ok(joined)
}

fn object<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| {
        let msg = match (error.classify(), body.trim_ascii().is_empty()) {
            (_, true) => "the body must be a JSON object, and is empty".to_owned(),
            (Category::Data, _) => "the body must be a JSON object".to_owned(),
            // The text of the error repeats nothing of the body, but is of the parser's own words.
            _ => format!("the body is not valid JSON: see line {}, column {}", error.line(), error.column()),
        };
        ApiError::invalid(vec![FieldError { loc: vec!["body".into()], msg, kind: "value_error".into() }])
    })
}

fn too_large(bytes_max: usize) -> ApiError {
    let text = match bytes_max == BYTES_MAX {
        true => format!("The JSON body is larger than {bytes_max} bytes: submit in smaller batches"),
        false => format!("The JSON body is larger than {bytes_max} bytes, the most that this route takes"),
    };
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", text)
}

fn too_slow(time_max: Duration) -> ApiError {
    let text = format!("The JSON body took longer than {} seconds: send it faster", time_max.as_secs_f64());
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_too_slow", text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Bytes;
    use futures::{StreamExt as _, stream};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const SOON: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_body_that_drips_is_ended_with_408() {
        // It never stalls: there is always another byte.
        let drip = stream::repeat(()).then(|()| async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok::<_, std::io::Error>(" ")
        });
        let error = bytes(Request::new(Body::from_stream(drip)), BYTES_MAX, SOON).await.unwrap_err();
        assert_eq!((error.status(), error.code()), (StatusCode::REQUEST_TIMEOUT, "body_too_slow"));
    }

    /// A piece of a body that is counted while it is held.
    struct Counted(Arc<AtomicUsize>);

    impl AsRef<[u8]> for Counted {
        fn as_ref(&self) -> &[u8] {
            b"a"
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn an_error_says_where_json_ends_to_be_valid() {
        let told = |body: &str| object::<FieldObject>(body.as_bytes()).unwrap_err().public().to_owned();
        assert_eq!(told("{\"url\": \"5ecret\",\n}"), "the body is not valid JSON: see line 2, column 1");
        assert_eq!(told("{\"url\":"), "the body is not valid JSON: see line 1, column 7");
        assert_eq!(told("[1]"), "the body must be a JSON object");
        assert_eq!(told(" "), "the body must be a JSON object, and is empty");
    }

    #[tokio::test]
    async fn nothing_is_a_body_where_none_is_needed() {
        #[derive(Debug, serde::Deserialize)]
        struct Nothing {}
        let request = || Request::new(Body::from(" "));
        assert!(read_optional_as::<Nothing>(request()).await.is_ok());
        assert!(read_texts_as::<Nothing>(request()).await.is_ok());
        assert_eq!(read_as::<Nothing>(request()).await.unwrap_err().status(), StatusCode::UNPROCESSABLE_ENTITY);
    }

    #[tokio::test]
    async fn pieces_of_a_body_are_not_kept() {
        let held = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&held);
        let pieces = stream::iter(0..1000).map(move |_| {
            assert!(counter.fetch_add(1, Ordering::SeqCst) < 2, "the pieces before are kept");
            Ok::<_, std::io::Error>(Bytes::from_owner(Counted(Arc::clone(&counter))))
        });
        let read = bytes(Request::new(Body::from_stream(pieces)), BYTES_MAX, TIME_MAX).await.unwrap();
        assert_eq!((read.len(), held.load(Ordering::SeqCst)), (1000, 0));
    }

    #[tokio::test]
    async fn a_body_without_a_declared_length_is_read_to_its_limit_alone() {
        let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 1000]));
        let error = bytes(Request::new(Body::from_stream(endless)), 10_000, TIME_MAX).await.unwrap_err();
        assert_eq!((error.status(), error.code()), (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"));
    }
}
