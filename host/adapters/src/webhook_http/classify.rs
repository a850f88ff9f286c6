//! What kind of failure an error is: by the types in its chain of causes, never by their words.

use super::connect_proxy::ProxyError;
use super::resolver::LookupError;
use crate::exchange::ExchangeError;
use morag_core::webhook::ErrorClass;
use std::error::Error;
use std::io;

/// What went wrong, as the delivery log says it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) class: ErrorClass,
    /// URLs, which may hold tokens, are in no text.
    pub(crate) text: String,
}

impl Failure {
    /// A failure of which nothing more is known.
    pub(super) fn of(class: ErrorClass) -> Self {
        Self { class, text: words(class).to_owned() }
    }
}

/// The class of an error of `reqwest`, and what to say of it: only the causes below its own errors are read, for those name
/// the URL.
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

/// [`classify`] for an exchange without an answer.
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

/// [`classify`] for a body that breaks off.
pub(super) fn classify_body(error: &hyper::Error) -> Failure {
    judged(causes(Some(error)), false).unwrap_or_else(|| Failure::of(ErrorClass::Protocol))
}

/// What the first cause that says anything says.
fn judged(causes: Vec<&(dyn Error + 'static)>, connecting: bool) -> Option<Failure> {
    causes.into_iter().find_map(|cause| {
        let class = class_of(cause, connecting)?;
        Some(Failure { class, text: format!("{}: {cause}", words(class)) })
    })
}

/// What a class means, for the delivery log.
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

/// An error and those below it, the inmost first: it knows best. `io::Error` hides what it wraps from `source`, so it is
/// asked by its own means.
fn causes<'a>(mut next: Option<&'a (dyn Error + 'static)>) -> Vec<&'a (dyn Error + 'static)> {
    /// Deeper chains are cut: none that is known has half as many.
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
        // The receiver ended the stream or the connection; anything else is about what it sent.
        return (error.is_remote() && (error.is_reset() || error.is_go_away())).then_some(ErrorClass::Reset);
    }
    let kind = cause.downcast_ref::<io::Error>()?.kind();
    match kind {
        io::ErrorKind::TimedOut => Some(ErrorClass::Timeout),
        // What a wrapper says: the next cause out knows.
        io::ErrorKind::Other => None,
        // Of the system's resolver, inside a `LookupError`; else of hyper, which finds no sense in the pieces of a body.
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => (!connecting).then_some(ErrorClass::Protocol),
        // There was a connection already: it broke in the TLS handshake.
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected
        | io::ErrorKind::UnexpectedEof => Some(ErrorClass::Reset),
        _ => connecting.then_some(ErrorClass::Connect),
    }
}
