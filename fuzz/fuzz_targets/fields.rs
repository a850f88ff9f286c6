//! Fields of submissions, as forms and as JSON: what is taken is within its limits whatever form it came in, and two ways to say
//! the same mean the same.
//! The input is one JSON object, short where that is long (`inflate`).
#![no_main]

use axum::http::HeaderName;
use libfuzzer_sys::fuzz_target;
use morag_core::webhook::AddressPolicy;
use morag_core::{JsonObject, is_depth_allowed};
use morag_fuzz::inflate;
use morag_api::FieldError;
use morag_api::fuzzing::{Fields, FieldObject, Item, TaskSpec, items_of_form, items_of_json};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// As it was decided, not as the code has it: metadata and options together with the rest of one task's fields.
const FIELD_BYTES_MAX: usize = 64 << 10;
const ITEMS_MAX: usize = 50;
/// Names of an object, and bytes of one.
const NAMES_MAX: usize = 256;
const NAME_BYTES_MAX: usize = 256;
const HEADERS_MAX: usize = 32;
const HEADERS_BYTES_MAX: usize = 16 << 10;
/// Longest text of one wrong field.
const ERROR_BYTES_MAX: usize = 1024;
/// Longest object that an input is made into.
const BYTES_MAX: usize = 512 << 10;

fuzz_target!(|script: &[u8]| {
    let Ok(text) = String::from_utf8(inflate(script, BYTES_MAX)) else { return };
    let text = text.trim();
    let read_given = || serde_json::from_str::<FieldObject>(text);
    let (Ok(given), Ok(of_batch)) = (read_given(), read_given()) else { return };
    let mut of_json = Fields::of(given);
    batch(of_batch);
    let in_form = |name: &str, text: String| Fields::merge(BTreeMap::from([(name.to_owned(), text)]));

    // The same as the form's `request_data`.
    let mut of_data = in_form("request_data", text.to_owned());
    let (of_json, of_data) = (read(&mut of_json), read(&mut of_data));
    assert_eq!(of_json, of_data);

    // Nothing longer than a field may be is looked into, but for lists of items.
    let sent: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).expect("it is an object");
    let is_long = |name: &str, value: &RawValue| {
        value.get().starts_with(['{', '['])
            && value.get().len() > FIELD_BYTES_MAX
            && !matches!(name, "items" | "batch_urls")
    };
    assert!(of_json.is_err() || !sent.iter().any(|(name, value)| is_long(name, value)));

    // The same as fields of a form, where all values are texts; and objects of a form are the text of one.
    let as_form: Option<BTreeMap<String, String>> = serde_json::from_str(text).ok();
    // A route takes neither longer names of a form nor as many. Of one less than an object may have none is left out, however
    // often one is repeated.
    let is_taken = |form: &BTreeMap<String, String>| {
        form.len() < NAMES_MAX && form.keys().all(|name| name.len() <= NAME_BYTES_MAX && name != "request_data")
    };
    if let Some(form) = as_form.filter(is_taken) {
        let of_form = read(&mut Fields::merge(form.clone()));
        // Nor longer texts.
        if form.values().all(|text| text.len() <= FIELD_BYTES_MAX) {
            assert_eq!(of_form, of_json);
        }
        form_batch(form);
    }
    for name in ["metadata", "processing_options", "webhook_config", "webhook_headers"] {
        let value = serde_json::from_str(text).expect("an object is a value of another");
        let nested = FieldObject { values: [(name.to_owned(), value)].into(), left_out: 0 };
        assert_eq!(read(&mut Fields::of(nested)), read(&mut in_form(name, text.to_owned())), "{name}");
    }
});

/// What is asked for, or what is wrong.
fn read(fields: &mut Fields) -> Result<String, Vec<FieldError>> {
    let spec = TaskSpec::read(fields, &AddressPolicy::default());
    let errors = std::mem::take(fields).into_errors();
    for error in &errors {
        assert!(error.msg.len() <= ERROR_BYTES_MAX + "…".len(), "{} bytes of an error", error.msg.len());
        assert!(error.loc.iter().all(|place| place.len() <= 256));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let spec = spec.expect("nothing is wrong with the fields");
    let metadata = spec.metadata.as_str();
    assert!(metadata.len() <= FIELD_BYTES_MAX, "{} bytes of metadata", metadata.len());
    let object: JsonObject = serde_json::from_str(metadata).expect("metadata is read again");
    assert!(is_depth_allowed(&object));
    let options = serde_json::to_string(&spec.options).expect("options are JSON");
    assert!(options.len() <= FIELD_BYTES_MAX, "{} bytes of options", options.len());
    assert!((1..=128).contains(&spec.collection.len()));
    assert!(spec.language.as_ref().is_none_or(|language| (2..=3).contains(&language.len())));
    if let Some(endpoint) = &spec.endpoint {
        assert!(endpoint.url.check_literal(&AddressPolicy::default()).is_ok());
        let bytes: usize = endpoint.headers.iter().map(|(name, value)| name.len() + value.expose().len()).sum();
        assert!(endpoint.headers.len() <= HEADERS_MAX && bytes <= HEADERS_BYTES_MAX);
        assert!(endpoint.headers.keys().all(|name| name.parse::<HeaderName>().is_ok()));
        assert!(endpoint.auth_token.as_ref().is_none_or(|token| token.expose().bytes().all(|byte| byte >= b' ')));
    }
    Ok(format!("{spec:?}"))
}

/// The items of a batch in JSON: each within the limits of one document.
fn batch(object: FieldObject) {
    let mut shared = Fields::of(object);
    let given = shared.take("items");
    if let Ok(items) = items_of_json(given, &shared) {
        assert!((1..=ITEMS_MAX).contains(&items.len()));
        items.into_iter().for_each(item);
    }
}

/// The same in a form.
fn form_batch(form: BTreeMap<String, String>) {
    if let Ok((_, items)) = items_of_form(Fields::merge(form), Vec::new()) {
        assert!((1..=ITEMS_MAX).contains(&items.len()));
        items.into_iter().for_each(item);
    }
}

fn item(item: Item) {
    match item {
        Item::Url(mut fields) => _ = read(&mut fields),
        Item::File(..) => panic!("there is no file"),
        Item::Unreadable(error) => assert!(error.public().len() <= 2 * ERROR_BYTES_MAX),
    }
}
