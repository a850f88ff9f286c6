//! Filters of events, conditions of media types.
#![no_main]

use libfuzzer_sys::fuzz_target;
use morag_core::pipeline::MediaTypeGlob;
use morag_core::webhook::{EVENT_TYPES, EventFilter, EventGlob};

fuzz_target!(|text: &str| {
    if let Ok(filter) = text.parse::<EventFilter>() {
        let _ = EVENT_TYPES.iter().filter(|event| filter.matches(event)).count();
    }
    if let Ok(glob) = text.parse::<EventGlob>() {
        // One that matches nothing is refused, because it is a misspelt one.
        assert!(EVENT_TYPES.iter().any(|event| glob.matches(event)), "{text}");
    }
    if let Ok(glob) = text.parse::<MediaTypeGlob>() {
        let _ = glob.matches("text/markdown");
        let _ = glob.matches(text);
    }
});
