//! What a task's own endpoint is sent with beside its URL: `webhook_auth_token` and headers.
//!
//! A task's record never changes, so they are taken out of it and kept beside it, where the store forgets them with the last
//! delivery. They are sealed as those of named endpoints are; on Redis without `MORAG_SECRETS_KEY`, where nothing can be sealed that
//! every process could open, they are kept as they are, so that clients of the guides need no key.

use super::seal::{SealError, Sealer};
use morag_core::task::{TaskId, TaskRecord};
use morag_core::webhook::{Credentials, Endpoint};

/// Written before what is not sealed.
const PLAIN: &str = "plain:";

/// Whose they are, for the seal. No named endpoint has a slash in its id.
fn name(task: TaskId) -> String {
    format!("task/{task}")
}

/// Whether a record that is about to be stored has credentials to take out.
pub fn has_any(record: &TaskRecord) -> bool {
    record.endpoints.first().is_some_and(|endpoint| endpoint.auth_token.is_some() || !endpoint.headers.is_empty())
}

/// Takes the credentials out of a record that is about to be stored. Gives the text to keep; none where there are none.
pub fn take_out(sealer: Option<&Sealer>, record: &mut TaskRecord) -> Result<Option<String>, SealError> {
    let Some(endpoint) = record.endpoints.first_mut() else { return Ok(None) };
    let credentials = Credentials {
        secrets: Vec::new(),
        auth_token: endpoint.auth_token.take(),
        headers: std::mem::take(&mut endpoint.headers),
    };
    if credentials == Credentials::default() {
        return Ok(None);
    }
    match sealer {
        Some(sealer) => sealer.seal(&name(record.id), &credentials).map(Some),
        None => {
            let text = serde_json::to_string(&credentials).map_err(|_| SealError::Unsealable)?;
            Ok(Some(format!("{PLAIN}{text}")))
        }
    }
}

/// Puts kept credentials back into the task's endpoint, to send with.
pub fn put_back(sealer: Option<&Sealer>, task: TaskId, kept: &str, endpoint: &Endpoint) -> Result<Endpoint, SealError> {
    let credentials: Credentials = match (kept.strip_prefix(PLAIN), sealer) {
        (Some(plain), _) => serde_json::from_str(plain).map_err(|_| SealError::Unreadable)?,
        (None, Some(sealer)) => sealer.open(&name(task), kept)?,
        (None, None) => return Err(SealError::Unreadable),
    };
    let Credentials { auth_token, headers, .. } = credentials;
    Ok(Endpoint { auth_token, headers, ..endpoint.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_core::Secret;
    use morag_core::webhook::{BodyFormat, EndpointId, EventFilter};

    fn record() -> TaskRecord {
        let endpoint = Endpoint {
            id: EndpointId::of_task(),
            url: "https://example.com/hook".parse().unwrap(),
            auth_token: Some(Secret::new("t0ken")),
            format: BodyFormat::Dual,
            events: EventFilter::default(),
            headers: [("x-key".to_owned(), Secret::new("v4lue"))].into(),
        };
        TaskRecord { endpoints: vec![endpoint], ..crate::testing::record() }
    }

    #[test]
    fn what_is_taken_out_is_sealed_and_put_back_for_its_task_alone() {
        let sealer = Sealer::new(&Sealer::generate().unwrap()).unwrap();
        for sealer in [Some(&sealer), None] {
            let (mut stored, given) = (record(), record());
            stored.id = given.id;
            let kept = take_out(sealer, &mut stored).unwrap().unwrap();
            let text = serde_json::to_string(&stored).unwrap();
            assert!(!text.contains("t0ken") && !text.contains("v4lue"), "{text}");
            assert_eq!(kept.contains("t0ken"), sealer.is_none());
            assert_eq!(put_back(sealer, given.id, &kept, &stored.endpoints[0]), Ok(given.endpoints[0].clone()));
            if sealer.is_some() {
                let other = put_back(sealer, TaskId::random(), &kept, &stored.endpoints[0]);
                assert_eq!(other, Err(SealError::Unreadable));
                assert_eq!(put_back(None, given.id, &kept, &stored.endpoints[0]), Err(SealError::Unreadable));
            }
        }
    }

    #[test]
    fn a_record_without_credentials_has_nothing_to_keep() {
        let mut bare = record();
        bare.endpoints[0].auth_token = None;
        bare.endpoints[0].headers.clear();
        assert_eq!(take_out(None, &mut bare), Ok(None));
        bare.endpoints.clear();
        assert_eq!(take_out(None, &mut bare), Ok(None));
    }
}
