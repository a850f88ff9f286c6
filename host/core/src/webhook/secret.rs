//! What a signing secret must have, so that nobody can guess the key and sign in the server's name.

use super::signature::STANDARD_PREFIX;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Bytes that the key of a `whsec_` secret has at least: 192 bits, as Standard Webhooks 1.0 asks for.
pub const KEY_BYTES_MIN: usize = 24;

/// Bytes that any other secret has at least. Receivers written from the guides choose a text of their own, and the guides set no
/// length; this refuses what was left empty or half filled in, and keeps the passwords that people use.
pub const TEXT_BYTES_MIN: usize = 8;

/// Why a text is no secret to sign with. None of the texts has it in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakSecret {
    /// `whsec_` and what is no base64.
    #[error("it begins with whsec_, so what follows must be base64: `echo whsec_$(openssl rand -base64 32)` makes one")]
    NotBase64,
    /// `whsec_` and too little.
    #[error(
        "its key after whsec_ has {0} bytes, and {KEY_BYTES_MIN} are the least: `echo whsec_$(openssl rand -base64 32)` makes one"
    )]
    ShortKey(usize),
    /// Any other text that is too short.
    #[error("it has {0} bytes, and {TEXT_BYTES_MIN} are the least: `openssl rand -hex 32` makes one")]
    ShortText(usize),
}

/// Refuses a secret that signs with a key which is too short, once it is decoded.
pub fn check_signing_secret(text: &str) -> Result<(), WeakSecret> {
    match text.strip_prefix(STANDARD_PREFIX).map(|encoded| STANDARD.decode(encoded)) {
        Some(Err(_)) => Err(WeakSecret::NotBase64),
        Some(Ok(key)) if key.len() < KEY_BYTES_MIN => Err(WeakSecret::ShortKey(key.len())),
        None if text.len() < TEXT_BYTES_MIN => Err(WeakSecret::ShortText(text.len())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_too_short_is_refused() {
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        for (text, error) in [
            (String::new(), WeakSecret::ShortText(0)),
            ("1234567".into(), WeakSecret::ShortText(7)),
            ("whsec_".into(), WeakSecret::ShortKey(0)),
            (of(23), WeakSecret::ShortKey(23)),
            ("whsec_not base64 at all, but long".into(), WeakSecret::NotBase64),
        ] {
            assert_eq!(check_signing_secret(&text), Err(error), "{text}");
        }
        for text in ["12345678", "change-me", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", &of(24), &of(64)] {
            assert_eq!(check_signing_secret(text), Ok(()), "{text}");
        }
    }
}
