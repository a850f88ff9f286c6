//! The tables `[[callers]]`.

use super::*;
use morag_core::caller::{Quotas, Scope};

const DIGEST: &str = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

fn table(more: &str) -> String {
    format!("[[callers]]\nname = \"crm\"\nkey_sha256 = \"{DIGEST}\"\nscopes = [\"submit\"]\n{more}\n")
}

#[test]
fn a_table_is_a_caller() {
    let file = format!(
        "[[callers]]\nname = \"crm\"\nkey_sha256 = \"{DIGEST}\"\ntenant = \"acme\"\nscopes = [\"submit\", \"read\"]\n\
         weight = 7\ncollections = [\"a\", \"b\"]\n[callers.quotas]\nwaiting_tasks = 5\ntasks_per_day = 100\n\
         stored_bytes = \"1GiB\"\nendpoints = 3\nstreams = 2\n"
    );
    let config = load(Some(&file), &[("API_HOST", "0.0.0.0")]).unwrap();
    let [caller] = config.callers.as_slice() else { panic!("{:?}", config.callers) };
    assert_eq!((caller.name.as_str(), caller.tenant.as_str(), caller.weight), ("crm", "acme", 7));
    assert_eq!(caller.digest, digest_of(b"foo"));
    let allowed = Scope::ALL.map(|scope| caller.scopes.allow(scope));
    assert_eq!(allowed, [true, true, false, false]);
    let quotas = Quotas {
        waiting_tasks: Some(5),
        tasks_per_day: Some(100),
        stored_bytes: Some(1 << 30),
        endpoints: Some(3),
        streams: Some(2),
    };
    assert_eq!(caller.quotas, quotas);
    assert_eq!(caller.collections.as_ref().map(|names| names.len()), Some(2));
    assert!(config.api_keys.is_empty(), "the default key is not accepted");
    assert!(config.has_tenants());
}

#[test]
fn keys_of_the_environment_are_admins_of_the_default_tenant() {
    let config = load(Some(&table("")), &[("MORAG_API_KEYS", "a,b"), ("MORAG_API_KEY_WEIGHTS", "2,3")]).unwrap();
    let shown: Vec<_> = config.callers.iter().map(|caller| (caller.name.as_str(), caller.weight)).collect();
    assert_eq!(shown, [("MORAG_API_KEYS[0]", 2), ("MORAG_API_KEYS[1]", 3), ("crm", 1)]);
    assert!(config.callers[0].scopes.allow(Scope::Admin) && config.callers[0].tenant.is_default());
    assert!(!config.has_tenants());
}

#[test]
fn errors_name_the_key() {
    for (file, place) in [
        (table("tenat = \"a\""), "callers[0].tenat"),
        (table("tenant = \"A b\""), "callers[0].tenant"),
        (table("weight = 0"), "callers[0].weight"),
        (table("collections = []"), "callers[0].collections"),
        (table("quotas = { waiting = 3 }"), "callers[0].quotas.waiting"),
        (table("quotas = { stored_bytes = \"much\" }"), "callers[0].quotas.stored_bytes"),
        (table("").replace("crm", "c r m"), "callers[0].name"),
        (table("").replace("[\"submit\"]", "[\"submit\", \"write\"]"), "callers[0].scopes[1]"),
        (table("").replace("[\"submit\"]", "[]"), "callers[0].scopes"),
        (table("").replace(DIGEST, "s3cret-key"), "callers[0].key_sha256"),
        (format!("{0}{0}", table("")), "callers[1].name"),
        (format!("{}{}", table(""), table("").replace("crm", "other")), "callers[1].key_sha256"),
        ("callers = 3".to_owned(), "[[callers]]"),
    ] {
        let error = load(Some(&file), &[]).unwrap_err();
        assert!(error.contains(place) && !error.contains("s3cret-key"), "{file}\n{error}");
    }
    let error = load(Some(&table("")), &[("MORAG_API_KEYS", "foo")]).unwrap_err();
    assert!(error.contains("MORAG_API_KEYS[0] has the same key"), "{error}");
}

#[test]
fn a_caller_has_up_to_a_thousand_collections() {
    let with = |count: usize| {
        let names: Vec<_> = (0..count).map(|n| format!("\"c{n}\"")).collect();
        load(Some(&table(&format!("collections = [{}]", names.join(", ")))), &[])
    };
    assert_eq!(with(1000).unwrap().callers[0].collections.as_ref().map(|names| names.len()), Some(1000));
    assert!(with(1001).unwrap_err().contains("callers[0].collections: give 1 to 1000 names of collections"));
}

#[test]
fn an_endpoint_of_the_file_belongs_to_a_tenant() {
    let endpoint = |tenant: &str| {
        format!(
            "[[webhook_endpoints]]\nid = \"crm\"\nurl = \"https://a.example/\"\nsecret = \"0123456789abcdef\"\n{tenant}\n"
        )
    };
    let file = endpoint("") + &endpoint("tenant = \"acme\"");
    let config = load(Some(&file), &[]).unwrap();
    let ids: Vec<_> = config.webhook_endpoints.iter().map(|one| one.endpoint.id.clone()).collect();
    assert_eq!((ids[0].tenant().as_str(), ids[1].tenant().as_str()), ("default", "acme"));
    assert_eq!((ids[0].name(), ids[1].name()), ("crm", "crm"));
    let error = load(Some(&endpoint("tenant = \"a.b\"")), &[]).unwrap_err();
    assert!(error.contains("webhook_endpoints[0].tenant"), "{error}");
}
