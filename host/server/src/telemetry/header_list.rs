//! Headers for the collector, as a variable lists them: `name=value,name=value`, where `%2C` stands for a byte of a value.

use anyhow::{Context as _, ensure};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// Headers that the list may have.
const HEADERS_MAX: usize = 64;

/// Reads the list of a variable. Values are marked as secrets.
///
/// # Errors
/// Something in it is no header. The text names the variable and the place in its list, and shows nothing of it: it may be a key.
pub(super) fn headers(variable: &str, list: &str) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    let pairs = list.split(',').map(str::trim).enumerate().filter(|(_, pair)| !pair.is_empty());
    for (at, pair) in pairs {
        ensure!(headers.len() < HEADERS_MAX, "{variable} may have {HEADERS_MAX} headers");
        let (name, value) = header(pair)
            .with_context(|| format!("{variable} must be name=value,…: number {} of the list is no header", at + 1))?;
        headers.insert(name, value);
    }
    Ok(headers)
}

fn header(pair: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = pair.split_once('=')?;
    let value = decoded(value.trim()).filter(|value| !value.is_empty())?;
    let mut value = HeaderValue::from_bytes(&value).ok()?;
    value.set_sensitive(true);
    Some((HeaderName::try_from(name.trim()).ok()?, value))
}

/// The bytes of a value; none where `%` is not followed by two digits.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        bytes.extend(hex::decode(digits).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &str) -> Vec<(String, String)> {
        let text = |(name, value): (&HeaderName, &HeaderValue)| (name.to_string(), value.to_str().unwrap().to_owned());
        headers("A", list).unwrap().iter().map(text).collect()
    }

    #[test]
    fn a_list_is_read_as_the_specification_says() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            read("X-Key = a=b , authorization=Basic%20QQ%3D%3D,"),
            [pair("x-key", "a=b"), pair("authorization", "Basic QQ==")]
        );
        assert_eq!(read("a=1,a=2"), [pair("a", "2")]);
        assert!(read(" ").is_empty());
    }

    #[test]
    fn what_is_no_header_is_refused_by_its_place() {
        for list in [
            "ok=1,s3cret",
            "ok=1,s3cret key=a",
            "ok=1,a=s3cret%2",
            "ok=1,a=s3cret%zz",
            "ok=1,a=%0As3cret",
            "ok=1,s3cret=",
        ] {
            let error = headers("A_NAME", list).unwrap_err().to_string();
            assert!(error.contains("A_NAME") && error.contains("number 2") && !error.contains("s3cret"), "{error}");
        }
        let many = (0..=HEADERS_MAX).map(|number| format!("a{number}=1")).collect::<Vec<_>>().join(",");
        assert!(headers("A", &many).is_err());
    }

    #[test]
    fn values_are_secrets() {
        assert!(!format!("{:?}", headers("A", "a=s3cret").unwrap()).contains("s3cret"));
    }
}
