//! What several targets need.

use morag_conversion::testdata::{broken, source};
use morag_conversion::{Converted, Source};
use morag_step::Failure;

/// Converts bytes, and fails where the conversion breaks what each of them promises: whole markdown, or one of the shared codes.
pub fn keeps_its_promise(convert: impl FnOnce(&Source) -> Result<Converted, Failure>, bytes: &[u8], name: &str) {
    if let Some(why) = broken(&convert(&source(bytes, name))) {
        panic!("{why}");
    }
}

/// Makes more of an input: the byte 0xFF stands, with the two after it, for a long run of one byte. What is limited to thousands of
/// bytes is reached by short inputs so, of which the fuzzer tries more.
pub fn inflate(script: &[u8], bytes_max: usize) -> Vec<u8> {
    let (mut long, mut rest) = (Vec::new(), script.iter());
    while let Some(byte) = rest.next() {
        let (byte, times) = match byte {
            0xFF => (rest.next().copied().unwrap_or(b'x'), usize::from(rest.next().copied().unwrap_or(0)) << 9),
            byte => (*byte, 1),
        };
        long.resize((long.len() + times).min(bytes_max), byte);
    }
    long
}
