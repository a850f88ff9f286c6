//! Settings of webhook endpoints, as JSON of callers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use morag_core::webhook::{AddressPolicy, Credentials, RetrySettings, is_reserved};
use morag_engine::endpoints::{draft, headers};
use morag_input::{FieldObject, PROBLEMS_MAX};

const SERVER: RetrySettings = RetrySettings { max_retries: 3, delay_ms: 5000 };

fuzz_target!(|bytes: &[u8]| {
    let Ok(object) = serde_json::from_slice::<FieldObject>(bytes) else { return };
    let given = match morag_input::read(&object) {
        Ok(given) => given,
        Err(problems) => {
            assert!((1..=PROBLEMS_MAX).contains(&problems.len()));
            return;
        }
    };
    let Ok(read) = draft::Draft::new(given, &AddressPolicy::default()) else { return };
    let mut credentials = Credentials::default();
    if read.apply_credentials(&mut credentials).is_ok() {
        assert!(credentials.headers.len() <= headers::HEADERS_MAX);
        assert!(credentials.headers.keys().all(|name| !is_reserved(name)));
        let _ = read.drop_credentials(&mut credentials);
    }
    let Ok(mut settings) = read.settings(SERVER) else { return };
    let _ = draft::event_names(&settings);
    // The same again changes nothing.
    let before = settings.clone();
    assert!(read.apply(&mut settings, SERVER).is_ok());
    assert_eq!(settings, before);
    let stored = serde_json::to_string(&settings).expect("what is taken can be stored");
    let again: morag_core::webhook::EndpointSettings = serde_json::from_str(&stored).expect("and read again");
    assert_eq!(again, settings);
});
