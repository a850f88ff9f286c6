//! Encryption of what must not be read in a store: AES-256-GCM, with the record it belongs to as associated data, so that what
//! is sealed for one cannot be put into another.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use morag_core::Secret;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// Written before what is sealed: the next way to seal gets another.
const PREFIX: &str = "v1:";

/// What a proof is sealed for, and what is in it. No record has such a name.
const PROOF: (&str, &str) = (":seal-proof", "MoRAG");

/// A text that is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key is {KEY_BYTES} random bytes, in base64 or hexadecimal: `openssl rand -base64 32` makes one")]
pub struct InvalidSealKey;

/// Why something sealed cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Another key, or it was changed.
    #[error("it was sealed with another key, or changed since: is MORAG_SECRETS_KEY the one it was stored with?")]
    Unreadable,
    /// The system gives no random numbers, or the value is no JSON.
    #[error("it cannot be sealed")]
    Unsealable,
}

/// Seals and opens with one key.
#[derive(Clone)]
pub struct Sealer {
    key: Arc<LessSafeKey>,
    random: SystemRandom,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    /// With a key as text: base64, or hexadecimal.
    pub fn new(key: &Secret) -> Result<Self, InvalidSealKey> {
        let text = key.expose().trim();
        let bytes = hex::decode(text).ok().or_else(|| STANDARD.decode(text).ok());
        let bytes = bytes.filter(|bytes| bytes.len() == KEY_BYTES).ok_or(InvalidSealKey)?;
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| InvalidSealKey)?;
        Ok(Self { key: Arc::new(LessSafeKey::new(key)), random: SystemRandom::new() })
    }

    /// A new key as text.
    pub fn generate() -> Result<Secret, SealError> {
        Ok(Secret::new(STANDARD.encode(random(&SystemRandom::new())?)))
    }

    /// A new secret to sign with, as Standard Webhooks writes them: `whsec_` and 32 random bytes in base64.
    pub fn signing_secret(&self) -> Result<Secret, SealError> {
        Ok(Secret::new(format!("whsec_{}", STANDARD.encode(random(&self.random)?))))
    }

    /// What proves the key: it opens with this key and no other, and tells nothing of it.
    pub fn proof(&self) -> Result<String, SealError> {
        self.seal(PROOF.0, &PROOF.1)
    }

    /// Whether a proof is of this key.
    pub fn proves(&self, proof: &str) -> bool {
        self.open::<String>(PROOF.0, proof).is_ok_and(|text| text == PROOF.1)
    }

    /// Seals a value for the record with this name.
    pub fn seal(&self, name: &str, value: &impl Serialize) -> Result<String, SealError> {
        let mut bytes = serde_json::to_vec(value).map_err(|_| SealError::Unsealable)?;
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(|_| SealError::Unsealable)?;
        let sealed = Nonce::assume_unique_for_key(nonce);
        self.key
            .seal_in_place_append_tag(sealed, Aad::from(name.as_bytes()), &mut bytes)
            .map_err(|_| SealError::Unsealable)?;
        Ok(format!("{PREFIX}{}", STANDARD.encode([nonce.as_slice(), &bytes].concat())))
    }

    /// Opens what was sealed for the record with this name.
    pub fn open<T: DeserializeOwned>(&self, name: &str, sealed: &str) -> Result<T, SealError> {
        let encoded = sealed.strip_prefix(PREFIX).ok_or(SealError::Unreadable)?;
        let mut bytes = STANDARD.decode(encoded).map_err(|_| SealError::Unreadable)?;
        let nonce = bytes.get(..NONCE_LEN).and_then(|nonce| nonce.try_into().ok()).ok_or(SealError::Unreadable)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = self.key.open_in_place(nonce, Aad::from(name.as_bytes()), &mut bytes[NONCE_LEN..]);
        serde_json::from_slice(opened.map_err(|_| SealError::Unreadable)?).map_err(|_| SealError::Unreadable)
    }
}

fn random(source: &SystemRandom) -> Result<[u8; KEY_BYTES], SealError> {
    let mut bytes = [0; KEY_BYTES];
    source.fill(&mut bytes).map_err(|_| SealError::Unsealable)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer() -> Sealer {
        Sealer::new(&Sealer::generate().unwrap()).unwrap()
    }

    #[test]
    fn what_is_sealed_is_opened_with_its_key_and_name_alone() {
        let (sealer, another) = (sealer(), sealer());
        let sealed = sealer.seal("ep_a", &"s3cret").unwrap();
        assert!(!sealed.contains("s3cret"));
        assert_eq!(sealer.open::<String>("ep_a", &sealed).unwrap(), "s3cret");
        assert_eq!(sealer.open::<String>("ep_b", &sealed), Err(SealError::Unreadable));
        assert_eq!(another.open::<String>("ep_a", &sealed), Err(SealError::Unreadable));
        assert_ne!(sealer.seal("ep_a", &"s3cret").unwrap(), sealed, "each time with another nonce");
    }

    #[test]
    fn what_was_changed_is_not_opened() {
        let sealer = sealer();
        let sealed = sealer.seal("a", &"s").unwrap();
        for bad in ["", "v1:", "v1:AAAA", "v2:AAAA", &sealed[..sealed.len() - 4], &sealed.replace("v1:", "v1:AAAA")] {
            assert_eq!(sealer.open::<String>("a", bad), Err(SealError::Unreadable), "{bad}");
        }
    }

    #[test]
    fn a_proof_is_of_one_key() {
        let (sealer, another) = (sealer(), sealer());
        let proof = sealer.proof().unwrap();
        assert!(sealer.proves(&proof) && !another.proves(&proof));
        assert!(!sealer.proves("") && !sealer.proves(&sealer.seal("ep_a", &"MoRAG").unwrap()));
    }

    #[test]
    fn a_key_is_32_bytes() {
        assert!(Sealer::new(&Secret::new("00".repeat(32))).is_ok());
        assert!(Sealer::new(&Secret::new(STANDARD.encode([7; 32]))).is_ok());
        for bad in ["", "password", "00", &"00".repeat(31), &STANDARD.encode([7; 16])] {
            assert_eq!(Sealer::new(&Secret::new(bad)).map(|_| ()), Err(InvalidSealKey), "{bad}");
        }
    }

    #[test]
    fn a_signing_secret_is_one_of_standard_webhooks() {
        let secret = sealer().signing_secret().unwrap();
        let key = secret.expose().strip_prefix("whsec_").unwrap();
        assert_eq!(STANDARD.decode(key).unwrap().len(), 32);
    }
}
