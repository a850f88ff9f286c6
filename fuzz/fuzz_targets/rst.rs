//! reStructuredText: any bytes become whole markdown, or a failure with one of the shared codes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use morag_fuzz::keeps_its_promise;

fuzz_target!(|bytes: &[u8]| keeps_its_promise(text_conversion::convert, bytes, "a.rst"));
