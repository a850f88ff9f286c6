//! What a signing secret must have, so that nobody can guess the key and sign in the server's name; and the secrets of tenants,
//! of which none can sign in another's.

use super::signature::{STANDARD_PREFIX, hmac};
use crate::Secret;
use crate::task::TenantId;
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

/// What a tenant's secret is made for: the server's secret makes nothing else by this text.
const TENANT_PURPOSE: &[u8] = b"morag webhooks of tenant ";

/// The secret that signs webhooks of a tenant's tasks: the server's own for the default tenant, and one that is derived from it
/// for any other (HMAC-SHA256, as a `whsec_` secret). Who verifies with it can sign in no other tenant's name.
pub fn secret_of_tenant(secret: &Secret, tenant: &TenantId) -> Secret {
    match tenant.is_default() {
        true => secret.clone(),
        false => {
            let key = hmac(secret.expose().as_bytes(), &[TENANT_PURPOSE, tenant.as_str().as_bytes()]);
            Secret::new(format!("{STANDARD_PREFIX}{}", STANDARD.encode(key)))
        }
    }
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
    fn a_tenants_secret_is_its_own_and_stays_the_same() {
        let server = Secret::new("change-me");
        let of = |tenant: &str| secret_of_tenant(&server, &tenant.parse().unwrap()).expose().to_owned();
        assert_eq!(of("default"), "change-me");
        assert_eq!(of("acme"), "whsec_dAHtfh1Gem56UQhspava/51XsDKSqzugdFweLL6Dk6U=");
        assert_ne!(of("acme"), of("beta"));
        assert_eq!(check_signing_secret(&of("acme")), Ok(()));
    }

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
