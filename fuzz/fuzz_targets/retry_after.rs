//! `Retry-After` of receivers: seconds or a date.
#![no_main]

use libfuzzer_sys::fuzz_target;
use morag_adapters::webhook_http::retry_after;
use morag_core::Timestamp;
use std::time::Duration;

/// A year and a day: more is a mistake.
const MOST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

fuzz_target!(|input: (&str, i64)| {
    let (value, now) = input;
    // As far as clocks go: the years 1970 to 9999.
    let now = Timestamp::from_millis(now.rem_euclid(253_402_300_800_000));
    if let Some(wait) = retry_after(value, now) {
        assert!(wait <= MOST, "{value}: {wait:?}");
    }
});
