//! Times that callers write.
#![no_main]

use libfuzzer_sys::fuzz_target;
use morag_core::Timestamp;

fuzz_target!(|text: &str| {
    let Ok(time) = text.parse::<Timestamp>() else { return };
    let shown = time.to_string();
    // The contract's form: exactly three fraction digits and `Z`, and the same time again.
    assert!(shown.ends_with('Z') && shown.rsplit('.').next().is_some_and(|end| end.len() == 4), "{shown}");
    assert_eq!(shown.parse::<Timestamp>().ok(), Some(time), "{shown}");
    let _ = (time.plus(std::time::Duration::MAX), time.minus(std::time::Duration::MAX), time.as_seconds());
});
