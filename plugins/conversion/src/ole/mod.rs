//! The container of Office before 2007 and of Outlook's messages (MS-CFB), read under limits.

pub mod bytes;
mod file;
mod guard;

pub use file::{Entry, Ole};

/// How such a file begins.
pub const SIGNATURE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
