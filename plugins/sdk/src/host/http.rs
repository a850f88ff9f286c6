//! `http` of the real host: blocking calls of `wasi:http`.

use crate::{CapabilityError, Http, Request, Response};
use wasip2::http::outgoing_handler::{ErrorCode, handle};
use wasip2::http::types::{Fields, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme as WasiScheme};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

use crate::capability::{Scheme, UrlParts};

/// Bytes of the response body that one call reads.
const PIECE_BYTES: u64 = 64 << 10;

/// Most bytes of one blocking write in `wasi:io`.
const WRITE_BYTES: usize = 4096;

/// The capability `http`.
#[derive(Debug, Clone, Copy)]
pub struct HttpHandle;

impl Http for HttpHandle {
    fn send(&self, request: Request) -> Result<Response, CapabilityError> {
        let parts = UrlParts::of(&request.url)?;
        let outgoing = outgoing(&request, &parts)?;
        let body = outgoing.body().map_err(|()| internal("the request has no body"))?;
        let answer = handle(outgoing, None).map_err(refused)?;
        send_body(body, &request.body)?;
        answer.subscribe().block();
        let answer = answer.get().ok_or_else(|| internal("no answer after it was waited for"))?;
        let answer = answer.map_err(|()| internal("the answer was taken already"))?.map_err(refused)?;
        response(&answer, request.response_bytes_max)
    }
}

fn outgoing(request: &Request, parts: &UrlParts<'_>) -> Result<OutgoingRequest, CapabilityError> {
    let headers = Fields::new();
    for (name, value) in &request.headers {
        let appended = headers.append(name, value.as_bytes());
        appended.map_err(|error| invalid(format!("header {name:?}: {error}")))?;
    }
    if !request.body.is_empty() && !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length"))
    {
        let length = request.body.len().to_string();
        let appended = headers.append("content-length", length.as_bytes());
        appended.map_err(|error| invalid(format!("header \"content-length\": {error}")))?;
    }
    let outgoing = OutgoingRequest::new(headers);
    let scheme = match parts.scheme {
        Scheme::Https => WasiScheme::Https,
        Scheme::Http => WasiScheme::Http,
    };
    let set = outgoing
        .set_method(&method(&request.method))
        .and_then(|()| outgoing.set_scheme(Some(&scheme)))
        .and_then(|()| outgoing.set_authority(Some(parts.authority)))
        .and_then(|()| outgoing.set_path_with_query(Some(&parts.path_with_query)));
    set.map_err(|()| invalid(format!("{} {parts} is not a request", request.method)))?;
    Ok(outgoing)
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "CONNECT" => Method::Connect,
        "OPTIONS" => Method::Options,
        "TRACE" => Method::Trace,
        "PATCH" => Method::Patch,
        other => Method::Other(other.into()),
    }
}

fn send_body(body: OutgoingBody, bytes: &[u8]) -> Result<(), CapabilityError> {
    if !bytes.is_empty() {
        let stream: OutputStream = body.write().map_err(|()| internal("the request's body was taken already"))?;
        for piece in bytes.chunks(WRITE_BYTES) {
            match stream.blocking_write_and_flush(piece) {
                Ok(()) => {}
                // The host may respond before it has read the whole body; then the response counts.
                Err(StreamError::Closed) => break,
                Err(StreamError::LastOperationFailed(error)) => return Err(unavailable(error.to_debug_string())),
            }
        }
    }
    // An error of the request is also returned by its response.
    drop(OutgoingBody::finish(body, None));
    Ok(())
}

fn response(answer: &IncomingResponse, bytes_max: usize) -> Result<Response, CapabilityError> {
    let headers = answer.headers().entries();
    let headers = headers
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), String::from_utf8_lossy(&value).into_owned()))
        .collect();
    let body = answer.consume().map_err(|()| internal("the answer's body was taken already"))?;
    let stream = body.stream().map_err(|()| internal("the answer's body was taken already"))?;
    Ok(Response { status: answer.status(), headers, body: read(&stream, bytes_max)? })
}

fn read(stream: &InputStream, bytes_max: usize) -> Result<Vec<u8>, CapabilityError> {
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(PIECE_BYTES) {
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(error)) => return Err(unavailable(error.to_debug_string())),
        }
        if bytes.len() > bytes_max {
            return Err(CapabilityError::Limit(format!("the answer has more than {bytes_max} bytes")));
        }
    }
}

fn refused(error: ErrorCode) -> CapabilityError {
    match error {
        ErrorCode::HttpRequestDenied => CapabilityError::Invalid(
            "the operator does not allow this request: see the plugin's `http` in morag.toml".into(),
        ),
        ErrorCode::DestinationIpProhibited => {
            CapabilityError::Invalid("the address of the host is not one that may be reached".into())
        }
        ErrorCode::HttpRequestMethodInvalid
        | ErrorCode::HttpRequestUriInvalid
        | ErrorCode::HttpRequestHeaderSize(_) => {
            CapabilityError::Invalid(format!("the request cannot be sent: {error}"))
        }
        ErrorCode::HttpRequestBodySize(_) | ErrorCode::HttpResponseBodySize(_) => {
            CapabilityError::Limit(format!("the request or its answer is too large: {error}"))
        }
        error => unavailable(error.to_string().trim_start_matches("ErrorCode::").to_owned()),
    }
}

fn invalid(message: String) -> CapabilityError {
    CapabilityError::Invalid(message)
}

fn unavailable(why: String) -> CapabilityError {
    CapabilityError::Unavailable(format!("the other side did not answer: {why}"))
}

fn internal(what: &str) -> CapabilityError {
    CapabilityError::Unavailable(format!("the host's wasi:http: {what}"))
}
