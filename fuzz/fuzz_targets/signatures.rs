//! Signature headers and secrets, as a receiver gets them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use morag_core::webhook::{Proof, ProofHeaders, check_signing_secret, prove, sign, standard_signature};
use morag_core::{Secret, Timestamp};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fuzz_target!(|parts: (&str, &str, &str, &str, &str, &[u8])| {
    let (morag, time, id, seconds, signatures, body) = parts;
    let (secret, now) = (Secret::new(SECRET), Timestamp::from_millis(1_769_853_600_000));
    let headers = ProofHeaders {
        morag_signature: Some(morag),
        morag_timestamp: Some(time),
        id: Some(id),
        timestamp: Some(seconds),
        signatures: Some(signatures),
    };
    // Nobody who does not know the secret is believed.
    assert!(prove(&secret, headers, body, None).is_err());
    let mine = sign(&secret, body);
    let headers = ProofHeaders { morag_signature: Some(&mine), ..headers };
    assert_eq!(prove(&secret, headers, body, None), Ok(Proof::MoRag));
    let stamp = now.as_seconds().to_string();
    let own = format!("{signatures} {}", standard_signature(&secret, id, now.as_seconds(), body));
    let count = own.split_ascii_whitespace().count();
    let headers = ProofHeaders { timestamp: Some(&stamp), signatures: Some(&own), ..headers };
    if count <= 16 {
        assert_eq!(prove(&secret, headers, body, Some(now)), Ok(Proof::Standard));
    }
    let _ = check_signing_secret(id);
});
