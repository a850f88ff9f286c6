//! Attachments in which the message itself is, signed, encrypted or protected.

use memchr::memmem;

/// Bytes in which the kind of a cryptographic message stands: before its content, however its lengths are written.
const KIND_WITHIN: usize = 64;
/// `signed-data` (RFC 5652), as it is written in such a message.
const SIGNED: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";

/// What an attachment is to the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A document that was sent along.
    Attachment,
    /// The message, as it was sent, with its signature beside it.
    Message,
    /// A signature.
    Signature,
    /// The message, to be read by its receiver alone: how.
    Protected(&'static str),
}

/// Says what an attachment is. `class` is the one of the message.
pub fn role(class: &str, media_type: &str, name: &str, bytes: &[u8]) -> Role {
    let class = class.to_ascii_lowercase();
    // Also of notices about such messages, whose class has an ending of its own.
    let is_smime = class.contains(".smime");
    match media_type {
        "multipart/signed" => Role::Message,
        _ if class.contains(".smime.multipartsigned") => Role::Message,
        "application/pgp-signature" | "application/pkcs7-signature" | "application/x-pkcs7-signature" => {
            Role::Signature
        }
        "application/pgp-encrypted" => Role::Protected(crate::mime::PGP),
        "application/x-microsoft-rpmsg-message" => Role::Protected("protected by rights management (RMS)"),
        _ if name.eq_ignore_ascii_case("message.rpmsg") => Role::Protected("protected by rights management (RMS)"),
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => smime(is_smime, bytes),
        _ if is_smime && name.eq_ignore_ascii_case("smime.p7m") => smime(true, bytes),
        _ => Role::Attachment,
    }
}

fn smime(is_message: bool, bytes: &[u8]) -> Role {
    let is_signed = memmem::find(&bytes[..bytes.len().min(KIND_WITHIN)], SIGNED).is_some();
    match (is_signed, is_message) {
        (true, true) => Role::Protected("enclosed in its signature (S/MIME)"),
        // A document that somebody signed.
        (true, false) => Role::Attachment,
        (false, _) => Role::Protected(crate::mime::SMIME),
    }
}
