//! Objects that callers give: what is taken can be stored, and read again from there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use morag_core::{JsonObject, is_depth_allowed};

fuzz_target!(|bytes: &[u8]| {
    let Ok(object) = serde_json::from_slice::<JsonObject>(bytes) else { return };
    if !is_depth_allowed(&object) {
        return;
    }
    // Wrapped as a record wraps it, with room for a few levels of ours.
    let stored = serde_json::json!({"record": {"metadata": {"of": object}}}).to_string();
    let again: serde_json::Value = serde_json::from_str(&stored).expect("what was taken can be read again");
    assert_eq!(again["record"]["metadata"]["of"], serde_json::Value::Object(object));
});
