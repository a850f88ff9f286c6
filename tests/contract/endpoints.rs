//! The promises of [`morag_core::ports::Endpoints`].

use crate::backends::{Backend, promises};
use morag_core::ports::{ENDPOINTS_MAX, EndpointLimits, PutEndpointError};
use morag_core::task::TenantId;
use morag_core::webhook::{EndpointId, EndpointSettings, NamedEndpoint};

promises!(
    an_endpoint_is_read_as_it_was_put,
    a_change_of_an_old_version_is_refused,
    the_revision_tells_of_every_change,
    the_number_of_endpoints_is_limited,
    limits_hold_for_concurrent_creations,
    endpoints_without_a_creator_do_not_count,
    the_key_proof_is_replaced_only_with_the_old_one,
);

fn named(backend: &impl Backend, id: &str, version: u64) -> NamedEndpoint {
    let settings = serde_json::json!({"url": format!("https://example.com/{id}"), "description": "a \"b\"\nc"});
    let settings: EndpointSettings = serde_json::from_value(settings).unwrap();
    NamedEndpoint {
        id: id.to_owned().into(),
        settings,
        sealed: "c2VhbGVk c".into(),
        disabled: None,
        failing_since: Some(backend.now()),
        created_at: backend.now(),
        updated_at: backend.now(),
        version,
        created_by: Some("c0ffee".into()),
    }
}

async fn an_endpoint_is_read_as_it_was_put(mut backend: impl Backend) {
    let empty = backend.store().endpoints(None).await.unwrap().unwrap();
    assert_eq!(empty.endpoints, []);
    let (a, b) = (named(&backend, "ep_a", 1), named(&backend, "ep_b", 1));
    backend.store().put_endpoint(&b).await.unwrap();
    backend.store().put_endpoint(&a).await.unwrap();
    backend.reopen().await;
    let store = backend.store();
    assert_eq!(store.endpoints(None).await.unwrap().unwrap().endpoints, [a, b.clone()], "in the order of their ids");
    assert_eq!(store.remove_endpoint(&"ep_a".to_owned().into()).await, Ok(true));
    assert_eq!(store.remove_endpoint(&"ep_a".to_owned().into()).await, Ok(false));
    assert_eq!(store.endpoints(None).await.unwrap().unwrap().endpoints, [b]);
}

async fn a_change_of_an_old_version_is_refused(backend: impl Backend) {
    let store = backend.store();
    assert_eq!(store.put_endpoint(&named(&backend, "ep_a", 2)).await, Err(PutEndpointError::Stale), "it is new");
    let first = named(&backend, "ep_a", 1);
    assert_eq!(store.put_endpoint(&first).await, Ok(()));
    assert_eq!(store.put_endpoint(&first).await, Err(PutEndpointError::Stale), "it is there");
    let mut second = named(&backend, "ep_a", 2);
    second.settings.description = "other".into();
    assert_eq!(store.put_endpoint(&second).await, Ok(()));
    assert_eq!(store.put_endpoint(&named(&backend, "ep_a", 2)).await, Err(PutEndpointError::Stale));
    assert_eq!(store.endpoints(None).await.unwrap().unwrap().endpoints, [second]);
    assert_eq!(store.remove_endpoint(&"ep_a".to_owned().into()).await, Ok(true));
    assert_eq!(store.put_endpoint(&named(&backend, "ep_a", 3)).await, Err(PutEndpointError::Stale), "it is gone");
    let racing: Vec<_> = (0..8).map(|_| named(&backend, "ep_b", 1)).collect();
    let put = futures::future::join_all(racing.iter().map(|one| store.put_endpoint(one))).await;
    assert_eq!(put.iter().filter(|put| put.is_ok()).count(), 1, "{put:?}");
}

async fn the_revision_tells_of_every_change(backend: impl Backend) {
    let store = backend.store();
    let mut known = store.endpoints(None).await.unwrap().unwrap().revision;
    assert_eq!(store.endpoints(Some(known)).await, Ok(None));
    let mut changed = async |what: &str| {
        let now = store.endpoints(Some(known)).await.unwrap().unwrap_or_else(|| panic!("{what} is no change"));
        assert!(now.revision > known, "{what}");
        known = now.revision;
        assert_eq!(store.endpoints(Some(known)).await, Ok(None), "{what}");
    };
    store.put_endpoint(&named(&backend, "ep_a", 1)).await.unwrap();
    changed("a new one").await;
    store.put_endpoint(&named(&backend, "ep_a", 2)).await.unwrap();
    changed("another version").await;
    store.remove_endpoint(&"ep_a".to_owned().into()).await.unwrap();
    changed("none").await;
    store.remove_endpoint(&"ep_a".to_owned().into()).await.unwrap();
    store.put_endpoint(&named(&backend, "ep_a", 5)).await.unwrap_err();
    assert_eq!(store.endpoints(Some(known)).await, Ok(None), "nothing has changed");
}

async fn the_number_of_endpoints_is_limited(backend: impl Backend) {
    let store = backend.store();
    for n in 0..ENDPOINTS_MAX {
        store.put_endpoint(&named(&backend, &format!("ep_{n}"), 1)).await.unwrap();
    }
    assert_eq!(store.put_endpoint(&named(&backend, "ep_more", 1)).await, Err(PutEndpointError::Full));
    assert_eq!(store.put_endpoint(&named(&backend, "ep_7", 2)).await, Ok(()), "this one is there");
    assert_eq!(store.remove_endpoint(&"ep_0".to_owned().into()).await, Ok(true));
    assert_eq!(store.put_endpoint(&named(&backend, "ep_more", 1)).await, Ok(()));
    assert_eq!(store.endpoints(None).await.unwrap().unwrap().endpoints.len(), ENDPOINTS_MAX);
}

/// An endpoint of a tenant with a creator.
fn created(backend: &impl Backend, (tenant, creator): (&str, &str), name: usize) -> NamedEndpoint {
    let tenant: TenantId = tenant.parse().unwrap();
    let id = EndpointId::of_tenant(&tenant, &format!("ep_{name}"));
    NamedEndpoint { id, created_by: Some(creator.into()), ..named(backend, "", 1) }
}

async fn limits_hold_for_concurrent_creations(backend: impl Backend) {
    let store = backend.store();
    let limits = EndpointLimits { creator_max: 5, tenant_max: Some(3) };
    let racing: Vec<_> = (0..100).map(|n| created(&backend, ("acme", "a"), n)).collect();
    let answers = futures::future::join_all(racing.iter().map(|one| store.create_endpoint(one, limits))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3, "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| **answer == Err(PutEndpointError::Quota { limit: 3 })).count(), 97);
    // The quota is per tenant, the creator's limit per creator.
    for tenant in ["default", "acm"] {
        assert_eq!(store.create_endpoint(&created(&backend, (tenant, "b"), 0), limits).await, Ok(()), "{tenant}");
    }
    assert_eq!(store.create_endpoint(&created(&backend, ("acm", "a"), 1), limits).await, Ok(()));
    let limits = EndpointLimits { tenant_max: None, ..limits };
    let racing: Vec<_> = (100..200).map(|n| created(&backend, ("default", "a"), n)).collect();
    let answers = futures::future::join_all(racing.iter().map(|one| store.create_endpoint(one, limits))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    let over = Err(PutEndpointError::Share { own: 5, all: 7 });
    assert_eq!(answers.iter().filter(|answer| **answer == over).count(), 99, "{answers:?}");
    let first = created(&backend, ("acm", "b"), 0);
    assert_eq!(store.create_endpoint(&first, limits).await, Err(PutEndpointError::Stale), "it is there");
    assert_eq!(
        store.put_endpoint(&NamedEndpoint { version: 2, ..first }).await,
        Ok(()),
        "limits do not apply to changes"
    );
}

async fn endpoints_without_a_creator_do_not_count(backend: impl Backend) {
    let store = backend.store();
    let limits = EndpointLimits { creator_max: 1, tenant_max: Some(1) };
    // The state of an endpoint of `morag.toml`.
    let state = NamedEndpoint { sealed: String::new(), ..created(&backend, ("default", "a"), 0) };
    store.put_endpoint(&state).await.unwrap();
    let unknown = NamedEndpoint { created_by: None, ..created(&backend, ("acme", "a"), 1) };
    store.put_endpoint(&unknown).await.unwrap();
    assert_eq!(store.create_endpoint(&created(&backend, ("default", "a"), 2), limits).await, Ok(()));
    let refused = store.create_endpoint(&created(&backend, ("other", "a"), 3), limits).await;
    assert_eq!(refused, Err(PutEndpointError::Share { own: 1, all: 2 }));
}

async fn the_key_proof_is_replaced_only_with_the_old_one(mut backend: impl Backend) {
    let store = backend.store();
    assert_eq!(store.seal_proof().await, Ok(None));
    let put = ["one", "two", "three"].map(|proof| store.put_seal_proof(None, proof));
    let put: Vec<_> = futures::future::join_all(put).await.into_iter().map(|stands| stands.unwrap()).collect();
    let first = put[0].clone();
    assert!(put.iter().all(|stands| *stands == first), "the first of several wins: {put:?}");
    assert_eq!(store.put_seal_proof(Some("unknown"), "four").await.as_ref(), Ok(&first));
    assert_eq!(store.put_seal_proof(Some(&first), "four").await, Ok("four".into()));
    store.put_endpoint(&named(&backend, "ep_a", 1)).await.unwrap();
    store.remove_endpoint(&"ep_a".to_owned().into()).await.unwrap();
    drop(store);
    backend.reopen().await;
    assert_eq!(backend.store().seal_proof().await, Ok(Some("four".into())), "it does not depend on the endpoints");
}
