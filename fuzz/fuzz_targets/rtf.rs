//! Rich Text, also compressed and with a page in it, as messages of Outlook have it.
#![no_main]

use archive_conversion::msg::{html_in_rtf, lzfu};
use libfuzzer_sys::fuzz_target;
use morag_fuzz::keeps_its_promise;

/// Bytes that are unpacked: more than any input becomes.
const UNPACKED_BYTES_MAX: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let rtf = match lzfu::unpack(bytes, UNPACKED_BYTES_MAX) {
        Some(unpacked) => {
            assert!(unpacked.bytes.len() <= bytes.len() * 9);
            unpacked.bytes
        }
        None => [b"{\\rtf1", bytes].concat(),
    };
    // Each byte is a letter at most, and a letter has four bytes at most.
    assert!(html_in_rtf::page(&rtf).is_none_or(|page| page.len() <= rtf.len() * 4));
    keeps_its_promise(office_conversion::convert, &rtf, "a.rtf");
});
