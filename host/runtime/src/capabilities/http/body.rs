//! Bodies and errors between `wasi:http` and the port.

use super::traffic::Traffic;
use futures::{StreamExt as _, TryStreamExt as _};
use http_body_util::{BodyDataStream, BodyExt as _, StreamBody};
use morag_core::ports::{PluginHttpBody, PluginHttpError, PluginHttpResponse};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi_http::{Error, WasiBody};

/// A request's body as it is sent.
pub(super) fn outgoing(body: WasiBody, traffic: Arc<Traffic>) -> PluginHttpBody {
    let pieces = BodyDataStream::new(body).map_err(|_| PluginHttpError::Request);
    pieces.map(move |piece| piece.and_then(|piece| traffic.send(piece.len() as u64).map(|()| piece))).boxed()
}

/// An answer as the guest reads it. `between`: the longest wait for the next bytes.
pub(super) fn response(
    answer: PluginHttpResponse,
    traffic: Arc<Traffic>,
    between: Option<Duration>,
    place: OwnedSemaphorePermit,
) -> Result<http::Response<WasiBody>, Error> {
    let mut response = http::Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    // The permit is released when the body ends or is dropped.
    let pieces = futures::stream::unfold((answer.body, place), move |(mut body, place)| async move {
        let next = match between {
            None => body.next().await,
            Some(between) => {
                tokio::time::timeout(between, body.next()).await.unwrap_or(Some(Err(PluginHttpError::Timeout)))
            }
        };
        next.map(|piece| (piece, (body, place)))
    });
    let pieces = pieces.map(move |piece| {
        let piece = piece.and_then(|piece| traffic.receive(piece.len() as u64).map(|()| piece));
        piece.map(http_body::Frame::data).map_err(wasi_error)
    });
    response.body(StreamBody::new(pieces).boxed_unsync()).map_err(|_| Error::HttpProtocolError)
}

pub(super) fn wasi_error(error: PluginHttpError) -> Error {
    match error {
        PluginHttpError::AddressRefused => Error::DestinationIpProhibited,
        PluginHttpError::Request => Error::HttpRequestUriInvalid,
        PluginHttpError::Dns => Error::DnsError { rcode: None, info_code: None },
        PluginHttpError::Connect => Error::ConnectionRefused,
        PluginHttpError::Tls => Error::TlsCertificateError,
        PluginHttpError::Timeout => Error::HttpResponseTimeout,
        PluginHttpError::Reset => Error::ConnectionTerminated,
        PluginHttpError::Protocol => Error::HttpProtocolError,
        PluginHttpError::Busy => Error::ConnectionLimitReached,
        PluginHttpError::TooLarge => Error::HttpResponseBodySize(None),
    }
}
