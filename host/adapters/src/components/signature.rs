//! Signatures of `minisign`: Ed25519 over the BLAKE2b digest of the file, in `FILE.minisig` beside it.

use super::file::bounded;
use minisign_verify::{PublicKey, Signature};
use morag_core::plugin::minisign_key_id;
use morag_core::ports::ComponentError;
use std::path::{Path, PathBuf};

/// Largest signature file: four lines, of which two are comments.
const SIGNATURE_BYTES_MAX: u64 = 8 << 10;

/// Path of the signature of a file.
pub(super) fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".minisig");
    name.into()
}

/// Checks that the key signed the component, and returns the key's id.
pub(super) async fn verify(key: &str, path: &Path, wasm: &[u8]) -> Result<String, ComponentError> {
    let refuse = ComponentError::Signature;
    let id = minisign_key_id(key).ok_or_else(|| refuse("its `public_key` is not a minisign key".into()))?;
    let key = PublicKey::from_base64(key).map_err(|_| refuse("its `public_key` is not a minisign key".into()))?;
    let beside = beside(path);
    let shown = beside.display();
    let text = bounded(&beside, SIGNATURE_BYTES_MAX).await.map_err(|error| {
        refuse(format!("it must be signed by the key {id}, and its signature {shown} cannot be read: {error}"))
    })?;
    let text = text.and_then(|bytes| String::from_utf8(bytes.into()).ok());
    let signature = text.and_then(|text| Signature::decode(&text).ok());
    let signature = signature.ok_or_else(|| refuse(format!("{shown} is not a minisign signature")))?;
    // `false`: refuse the legacy format, which signs the file without hashing. minisign has not written it since 2015.
    key.verify(wasm, &signature, false).map_err(|_| {
        refuse(format!(
            "{shown} is not the signature of the key {id} on this file: it was changed, or another signed it"
        ))
    })?;
    Ok(id)
}
