//! What components and registries of components say of themselves.
#![no_main]

use libfuzzer_sys::fuzz_target;
use morag_core::plugin::{
    Capability, Output, PluginSource, RegistryReference, is_registry, minisign_key_id, read_manifest,
};

fuzz_target!(|bytes: &[u8]| {
    let _ = read_manifest(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let _ = Output::check(first, Some(rest));
    let _ = first.parse::<Capability>();
    let _ = (is_registry(text), minisign_key_id(text));
    if let Ok(reference) = text.parse::<RegistryReference>() {
        assert!(!reference.host().is_empty() && !reference.repository().is_empty());
        assert_eq!(reference.to_string().parse::<RegistryReference>().ok().as_ref(), Some(&reference));
    }
    let _ = text.parse::<PluginSource>();
});
