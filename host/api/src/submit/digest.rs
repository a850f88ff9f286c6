//! Digests of submissions: they tell a request that is sent again from another one with the same `Idempotency-Key`.

use super::field_value::FieldValue;
use super::fields::Fields;
use super::upload::StoredFile;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// Digest of a submission with a file: names and values of its fields, and the file.
pub fn with_file(fields: &Fields, file: &StoredFile) -> String {
    #[derive(Serialize)]
    struct Content<'a> {
        fields: &'a BTreeMap<String, FieldValue>,
        file_name: &'a str,
        media_type: &'a str,
        sha256: &'a str,
    }
    let StoredFile { file_name, media_type, sha256, .. } = file;
    of_json(&Content { fields: fields.values(), file_name, media_type, sha256 })
}

/// Digest of a submission without a file of its own: names and values of its fields, and what else belongs to it.
pub fn without_file(fields: &Fields, more: &serde_json::Value) -> String {
    #[derive(Serialize)]
    struct Content<'a> {
        fields: &'a BTreeMap<String, FieldValue>,
        more: &'a serde_json::Value,
    }
    of_json(&Content { fields: fields.values(), more })
}

/// Digest of a value's JSON text, which is hashed while it is written: it is never in memory as a whole.
fn of_json(value: &impl Serialize) -> String {
    struct Hasher(Sha256);
    impl std::io::Write for Hasher {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut hasher = Hasher(Sha256::new());
    // Cannot fail: the values are JSON already, and the hash takes every byte.
    let _ = serde_json::to_writer(&mut hasher, value);
    hex::encode(hasher.0.finalize())
}
