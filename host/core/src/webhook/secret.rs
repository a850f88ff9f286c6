//! Minimum strength of signing secrets, so that none can be guessed to forge signatures; and derived secrets per tenant, so that
//! no tenant can sign for another.

use super::signature::{STANDARD_PREFIX, hmac};
use crate::Secret;
use crate::task::TenantId;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Minimum key length of a `whsec_` secret, bytes: 192 bits, as required by Standard Webhooks 1.0.
pub const KEY_BYTES_MIN: usize = 24;

/// Minimum length of any other secret, bytes. The client guides set no minimum, so receivers choose texts of their own; this
/// refuses empty and placeholder values, but accepts the passwords that people use.
pub const TEXT_BYTES_MIN: usize = 8;

/// Why a secret is refused. The texts never contain it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakSecret {
    /// `whsec_` followed by invalid base64.
    #[error("it begins with whsec_, so what follows must be base64: `echo whsec_$(openssl rand -base64 32)` makes one")]
    NotBase64,
    /// `whsec_` followed by a short key.
    #[error(
        "its key after whsec_ has {0} bytes and needs at least {KEY_BYTES_MIN}: `echo whsec_$(openssl rand -base64 32)` makes one"
    )]
    ShortKey(usize),
    /// Any other text that is too short.
    #[error("it has {0} bytes and needs at least {TEXT_BYTES_MIN}: `openssl rand -hex 32` makes one")]
    ShortText(usize),
}

/// Domain separation for tenant secrets.
const TENANT_PURPOSE: &[u8] = b"morag webhooks of tenant ";

/// The signing secret of a tenant's tasks: the server's own for the default tenant, otherwise derived from it (HMAC-SHA256, as a
/// `whsec_` secret). A receiver that knows it cannot sign for other tenants.
pub fn secret_of_tenant(secret: &Secret, tenant: &TenantId) -> Secret {
    match tenant.is_default() {
        true => secret.clone(),
        false => {
            let key = hmac(secret.expose().as_bytes(), &[TENANT_PURPOSE, tenant.as_str().as_bytes()]);
            Secret::new(format!("{STANDARD_PREFIX}{}", STANDARD.encode(key)))
        }
    }
}

/// Refuses a secret whose key, after decoding, is too short.
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
