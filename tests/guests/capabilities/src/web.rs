//! A request by `wasi:http`.

use morag_step::Data;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{Fields, Method, OutgoingBody, OutgoingRequest, Scheme};
use wasip2::io::streams::StreamError;

/// Sends the request of the configuration, and returns its response: status, `location`, and length and beginning of the body.
pub fn fetch(config: &Data) -> String {
    match exchange(config) {
        Ok(answer) => answer,
        Err(error) => format!("error: {error}"),
    }
}

fn exchange(config: &Data) -> Result<String, String> {
    let text = |key: &str| config.get(key).and_then(|value| value.as_str()).unwrap_or_default();
    let headers = Fields::new();
    if let Some((name, value)) = text("header").split_once(':') {
        headers.append(name, value.trim().as_bytes()).map_err(|error| format!("header {error:?}"))?;
    }
    let request = OutgoingRequest::new(headers);
    let method = match text("method") {
        "" | "GET" => Method::Get,
        "POST" => Method::Post,
        other => Method::Other(other.to_owned()),
    };
    request.set_method(&method).map_err(|()| "method")?;
    let (scheme, rest) = text("url").split_once("://").ok_or("url")?;
    let scheme = if scheme == "https" { Scheme::Https } else { Scheme::Http };
    request.set_scheme(Some(&scheme)).map_err(|()| "scheme")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    request.set_authority(Some(authority)).map_err(|()| "authority")?;
    request.set_path_with_query(Some(&format!("/{path}"))).map_err(|()| "path")?;
    let body = text("body");
    let sent = if body.is_empty() { None } else { Some(request.body().map_err(|()| "body")?) };
    let answer = outgoing_handler::handle(request, None).map_err(|code| format!("{code:?}"))?;
    if let Some(sent) = sent {
        let stream = sent.write().map_err(|()| "write")?;
        stream.blocking_write_and_flush(body.as_bytes()).map_err(|error| format!("{error:?}"))?;
        drop(stream);
        OutgoingBody::finish(sent, None).map_err(|code| format!("{code:?}"))?;
    }
    answer.subscribe().block();
    let answer = answer.get().ok_or("not ready")?.map_err(|()| "taken")?.map_err(|code| format!("{code:?}"))?;
    let location = answer.headers().get("location").first().map(|value| String::from_utf8_lossy(value).into_owned());
    let body = answer.consume().map_err(|()| "consume")?;
    let stream = body.stream().map_err(|()| "stream")?;
    let mut read = Vec::new();
    loop {
        match stream.blocking_read(64 << 10) {
            Ok(piece) => read.extend_from_slice(&piece),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => return Err(error.to_debug_string()),
        }
    }
    let beginning = String::from_utf8_lossy(&read[..read.len().min(200)]).into_owned();
    Ok(format!("{} {} {} {beginning}", answer.status(), location.unwrap_or_default(), read.len()))
}
