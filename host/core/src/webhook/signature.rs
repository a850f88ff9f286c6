//! Signatures of bodies: the guide's HMAC, and Standard Webhooks 1.0.

use crate::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// Prefix of a Standard Webhooks secret; what follows is the key in base64.
pub(super) const STANDARD_PREFIX: &str = "whsec_";

/// HMAC-SHA256 of the concatenated parts.
pub(super) fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length (RFC 2104 section 2)")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// `X-MoRAG-Signature` of a body: `sha256=` and the lower-case hexadecimal HMAC-SHA256, keyed with the secret's UTF-8
/// bytes as they are (guide 2, "Webhook Security & Validation").
pub fn sign(secret: &Secret, body: &[u8]) -> String {
    format!("sha256={}", hex::encode(hmac(secret.expose().as_bytes(), &[body])))
}

/// Whether `signature` is the `X-MoRAG-Signature` of `body`, in constant time.
pub fn verify(secret: &Secret, body: &[u8], signature: &str) -> bool {
    sign(secret, body).as_bytes().ct_eq(signature.as_bytes()).into()
}

/// One entry of `webhook-signature`. The key is the decoded part of a `whsec_BASE64` secret, as in the official libraries, or
/// the UTF-8 bytes of any other secret.
pub fn standard_signature(secret: &Secret, id: &str, seconds: i64, body: &[u8]) -> String {
    let text = secret.expose();
    let decoded = text.strip_prefix(STANDARD_PREFIX).and_then(|encoded| STANDARD.decode(encoded).ok());
    let key = decoded.unwrap_or_else(|| text.as_bytes().to_vec());
    let mac = hmac(&key, &[id.as_bytes(), b".", seconds.to_string().as_bytes(), b".", body]);
    format!("v1,{}", STANDARD.encode(mac))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231 test case 2.
    #[test]
    fn the_hmac_is_the_rfcs() {
        assert_eq!(
            sign(&Secret::new("Jefe"), b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    /// The example of the Standard Webhooks specification and of its libraries' tests.
    #[test]
    fn the_standard_signature_is_the_specifications() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        assert_eq!(
            standard_signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn a_changed_body_or_secret_is_refused() {
        let secret = Secret::new("s");
        let signature = sign(&secret, b"body");
        assert!(verify(&secret, b"body", &signature));
        assert!(!verify(&secret, b"bodY", &signature));
        assert!(!verify(&Secret::new("t"), b"body", &signature));
        assert!(!verify(&secret, b"body", "sha256="));
    }
}
