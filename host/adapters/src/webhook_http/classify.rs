//! Classifies errors by the types in their chain of causes, never by message text.

use super::connect_proxy::ProxyError;
use super::resolver::LookupError;
use crate::exchange::ExchangeError;
use morag_core::webhook::ErrorClass;
use std::error::Error;
use std::io;

/// A failure, as the delivery log shows it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) class: ErrorClass,
    /// Message without URLs, which may contain tokens.
    pub(crate) text: String,
}

impl Failure {
    /// A failure with no detail beyond its class.
    pub(super) fn of(class: ErrorClass) -> Self {
        Self { class, text: words(class).to_owned() }
    }
}

/// Class and message of a `reqwest` error. Reads only the causes below `reqwest`'s own errors, which contain the URL.
pub(crate) fn classify(error: &reqwest::Error) -> Failure {
    judged(causes(error.source()), error.is_connect()).unwrap_or_else(|| {
        Failure::of(match () {
            () if error.is_timeout() => ErrorClass::Timeout,
            () if error.is_connect() => ErrorClass::Connect,
            () if error.is_body() || error.is_decode() => ErrorClass::Reset,
            () => ErrorClass::Protocol,
        })
    })
}

/// [`classify`] for an exchange without a response.
pub(crate) fn classify_exchange(error: &ExchangeError) -> Failure {
    let connecting = match error {
        ExchangeError::Interim => {
            return Failure { class: ErrorClass::Protocol, text: format!("{}: {error}", words(ErrorClass::Protocol)) };
        }
        ExchangeError::Http(error) => error.is_connect(),
    };
    judged(causes(Some(error)), connecting)
        .unwrap_or_else(|| Failure::of(if connecting { ErrorClass::Connect } else { ErrorClass::Protocol }))
}

/// [`classify`] for a body that was cut off.
pub(super) fn classify_body(error: &hyper::Error) -> Failure {
    judged(causes(Some(error)), false).unwrap_or_else(|| Failure::of(ErrorClass::Protocol))
}

/// Class and message of the first cause that can be classified.
fn judged(causes: Vec<&(dyn Error + 'static)>, connecting: bool) -> Option<Failure> {
    causes.into_iter().find_map(|cause| {
        let class = class_of(cause, connecting)?;
        Some(Failure { class, text: format!("{}: {cause}", words(class)) })
    })
}

/// Message of a class, for the delivery log.
pub(super) fn words(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::Dns => "no address",
        ErrorClass::AddressRefused => "address refused",
        ErrorClass::Connect => "no connection",
        ErrorClass::Tls => "no TLS connection",
        ErrorClass::Timeout => "the exchange took longer than its limit",
        ErrorClass::Reset => "the connection broke",
        ErrorClass::Protocol => "not a valid HTTP answer",
    }
}

/// An error and its causes, the innermost first, because it is the most specific. `io::Error` omits the wrapped error from `source`, so
/// `get_ref` is used.
fn causes<'a>(mut next: Option<&'a (dyn Error + 'static)>) -> Vec<&'a (dyn Error + 'static)> {
    /// Limit of the chain: known ones have less than half as many.
    const DEPTH_MAX: usize = 32;
    let mut causes: Vec<&'a (dyn Error + 'static)> = Vec::new();
    while let Some(cause) = next.filter(|_| causes.len() < DEPTH_MAX) {
        causes.push(cause);
        let wrapped = cause.downcast_ref::<io::Error>().and_then(|error| error.get_ref());
        next = match wrapped {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => cause.source(),
        };
    }
    causes.reverse();
    causes
}

fn class_of(cause: &(dyn Error + 'static), connecting: bool) -> Option<ErrorClass> {
    if let Some(lookup) = cause.downcast_ref::<LookupError>() {
        return Some(match lookup {
            LookupError::Refused(_) | LookupError::TooMany => ErrorClass::AddressRefused,
            LookupError::NoAddress | LookupError::TimedOut | LookupError::Failed(_) => ErrorClass::Dns,
        });
    }
    if cause.is::<ProxyError>() {
        return Some(ErrorClass::Connect);
    }
    if cause.is::<rustls::Error>() {
        return Some(ErrorClass::Tls);
    }
    if let Some(error) = cause.downcast_ref::<hyper::Error>() {
        return match () {
            () if error.is_timeout() => Some(ErrorClass::Timeout),
            () if error.is_parse() => Some(ErrorClass::Protocol),
            () if error.is_incomplete_message() || error.is_closed() || error.is_canceled() => Some(ErrorClass::Reset),
            () => None,
        };
    }
    if let Some(error) = cause.downcast_ref::<h2::Error>() {
        // The receiver ended the stream or the connection; other errors are about the data that it sent.
        return (error.is_remote() && (error.is_reset() || error.is_go_away())).then_some(ErrorClass::Reset);
    }
    let kind = cause.downcast_ref::<io::Error>()?.kind();
    match kind {
        io::ErrorKind::TimedOut => Some(ErrorClass::Timeout),
        // An `io::Error` that wraps another error: the next outer cause is more specific.
        io::ErrorKind::Other => None,
        // While connecting it comes from the system's resolver, inside a `LookupError`; else from hyper, for a malformed chunked body.
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => (!connecting).then_some(ErrorClass::Protocol),
        // While connecting: the TCP connection existed, so it broke in the TLS handshake.
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected
        | io::ErrorKind::UnexpectedEof => Some(ErrorClass::Reset),
        _ => connecting.then_some(ErrorClass::Connect),
    }
}
