//! What kind of failure an error is: by the types in its chain of causes, never by their words.

use super::resolver::LookupError;
use morag_core::webhook::ErrorClass;
use std::error::Error;
use std::io;

/// The class of an error, and what to say of it. URLs, which may hold tokens, are in no text: only the causes below
/// `reqwest`'s own errors are read.
pub(super) fn classify(error: &reqwest::Error) -> (ErrorClass, String) {
    let causes = causes(error);
    let found = causes.iter().find_map(|cause| class_of(*cause, error.is_connect()).map(|class| (class, *cause)));
    match found {
        Some((class, cause)) => (class, format!("{}: {cause}", words(class))),
        None => {
            let class = match () {
                () if error.is_timeout() => ErrorClass::Timeout,
                () if error.is_connect() => ErrorClass::Connect,
                () if error.is_body() || error.is_decode() => ErrorClass::Reset,
                () => ErrorClass::Protocol,
            };
            (class, words(class).to_owned())
        }
    }
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

/// The errors below `error`, the inmost first: it knows best. `io::Error` hides what it wraps from `source`, so it is
/// asked by its own means.
fn causes<'a>(error: &'a reqwest::Error) -> Vec<&'a (dyn Error + 'static)> {
    /// Deeper chains are cut: none that is known has half as many.
    const DEPTH_MAX: usize = 32;
    let mut causes: Vec<&'a (dyn Error + 'static)> = Vec::new();
    let mut next = error.source();
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
            LookupError::NoAddress | LookupError::Failed(_) => ErrorClass::Dns,
        });
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
    let kind = cause.downcast_ref::<io::Error>()?.kind();
    match kind {
        io::ErrorKind::TimedOut => Some(ErrorClass::Timeout),
        // Of the system's resolver, inside a `LookupError`, or of a wrapper: the next cause out knows.
        io::ErrorKind::Other | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => None,
        _ if connecting => Some(ErrorClass::Connect),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected
        | io::ErrorKind::UnexpectedEof => Some(ErrorClass::Reset),
        _ => None,
    }
}
