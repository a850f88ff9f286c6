//! The index of endpoints by creator, which makes creating an endpoint independent of their total number.

use super::lab::{Lab, ask};
use crate::backends::Backend;
use morag_core::ports::{EndpointLimits, PutEndpointError};
use morag_core::task::TenantId;
use morag_core::webhook::{EndpointId, EndpointSettings, NamedEndpoint};
use serde_json::json;

const ENDPOINTS: &str = "endpoints:{endpoints}";
const STATE: &str = "endpoints:{endpoints}:state";
const CREATORS: &str = "endpoints:{endpoints}:creators";

/// At most two per creator.
const LIMITS: EndpointLimits = EndpointLimits { creator_max: 2, tenant_max: None };

fn endpoint(lab: &Lab, name: &str, creator: Option<&str>) -> NamedEndpoint {
    let settings: EndpointSettings = serde_json::from_value(json!({"url": "https://example.com"})).unwrap();
    NamedEndpoint {
        id: EndpointId::of_tenant(&TenantId::default(), name),
        settings,
        sealed: "sealed".into(),
        disabled: None,
        failing_since: None,
        created_at: lab.now(),
        updated_at: lab.now(),
        version: 1,
        created_by: creator.map(str::to_owned),
    }
}

/// Writes as a process of a version before the index did.
fn put_as_before(lab: &Lab, endpoint: &NamedEndpoint) {
    let stored = format!("{} token {}", endpoint.version, serde_json::to_string(endpoint).unwrap());
    ask(&["hset", &lab.key(ENDPOINTS), endpoint.id.as_str(), &stored]);
    ask(&["hincrby", &lab.key(STATE), "revision", "1"]);
}

fn remove_as_before(lab: &Lab, endpoint: &NamedEndpoint) {
    ask(&["hdel", &lab.key(ENDPOINTS), endpoint.id.as_str()]);
    ask(&["hincrby", &lab.key(STATE), "revision", "1"]);
}

#[tokio::test]
async fn a_creation_reads_no_other_endpoint() {
    let lab = Lab::new().await;
    let store = lab.store();
    let (first, second) = (endpoint(&lab, "ep_1", Some("a")), endpoint(&lab, "ep_2", Some("a")));
    assert_eq!(store.create_endpoint(&first, LIMITS).await, Ok(()));
    // Reading this entry fails.
    ask(&["hset", &lab.key(ENDPOINTS), "ep_1", "1 token {"]);
    assert_eq!(store.create_endpoint(&second, LIMITS).await, Ok(()));
    let over = Err(PutEndpointError::Share { own: 2, all: 2 });
    assert_eq!(store.create_endpoint(&endpoint(&lab, "ep_3", Some("a")), LIMITS).await, over);
    assert_eq!(store.put_endpoint(&NamedEndpoint { version: 2, ..second.clone() }).await, Ok(()));
    assert_eq!(store.remove_endpoint(&second.id).await, Ok(true));
    assert_eq!(store.create_endpoint(&endpoint(&lab, "ep_3", Some("a")), LIMITS).await, Ok(()));
    assert_eq!(ask(&["hlen", &lab.key(CREATORS)]), "2");
}

#[tokio::test]
async fn changes_by_earlier_versions_are_counted() {
    let lab = Lab::new().await;
    let store = lab.store();
    // All were written by an earlier version.
    let (old, unknown) = (endpoint(&lab, "ep_old", Some("a")), endpoint(&lab, "ep_unknown", None));
    let state = NamedEndpoint { sealed: String::new(), ..endpoint(&lab, "ep_state", Some("a")) };
    [&old, &unknown, &state].into_iter().for_each(|endpoint| put_as_before(&lab, endpoint));
    assert_eq!(store.create_endpoint(&endpoint(&lab, "ep_1", Some("a")), LIMITS).await, Ok(()));
    let over = Err(PutEndpointError::Share { own: 2, all: 3 });
    assert_eq!(store.create_endpoint(&endpoint(&lab, "ep_2", Some("a")), LIMITS).await, over);

    // A process of the earlier version runs at the same time: its removals and writes are counted.
    remove_as_before(&lab, &old);
    put_as_before(&lab, &NamedEndpoint { created_by: Some("b".into()), ..old.clone() });
    assert_eq!(store.put_endpoint(&NamedEndpoint { version: 2, ..unknown.clone() }).await, Ok(()));
    assert_eq!(store.create_endpoint(&endpoint(&lab, "ep_2", Some("a")), LIMITS).await, Ok(()));
    assert_eq!(store.create_endpoint(&endpoint(&lab, "ep_3", Some("b")), LIMITS).await, Ok(()));
    let over = Err(PutEndpointError::Share { own: 2, all: 5 });
    assert_eq!(store.create_endpoint(&endpoint(&lab, "ep_4", Some("b")), LIMITS).await, over);
    remove_as_before(&lab, &old);
    assert_eq!(store.remove_endpoint(&unknown.id).await, Ok(true));
    let over = Err(PutEndpointError::Share { own: 2, all: 3 });
    assert_eq!(store.create_endpoint(&endpoint(&lab, "ep_4", Some("a")), LIMITS).await, over);
    assert_eq!(store.create_endpoint(&endpoint(&lab, "ep_4", Some("b")), LIMITS).await, Ok(()));
}
