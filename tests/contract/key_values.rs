//! The promises of [`morag_core::ports::KeyValues`].

use crate::backends::{Backend, promises};
use morag_core::ports::{KeyValueQuota, KeyValues, SetError};

promises!(
    a_value_is_read_as_it_was_set,
    a_key_that_is_removed_is_gone,
    no_plugin_sees_anothers_keys,
    keys_come_in_the_order_of_their_bytes,
    keys_are_read_on_after_the_last,
    the_quota_of_keys_holds,
    the_quota_of_bytes_holds_and_replacing_frees,
    what_is_refused_changes_nothing,
    sets_at_the_same_time_stay_within_the_quota,
    any_key_and_any_bytes_can_be_stored,
);

const WIDE: KeyValueQuota = KeyValueQuota { keys_max: 1_000, bytes_max: 10 << 20 };

async fn set(store: &(impl KeyValues + ?Sized), key: &str, value: &[u8]) {
    store.set("plugin", key, value.to_vec(), WIDE).await.unwrap();
}

async fn all(store: &(impl KeyValues + ?Sized), plugin: &str) -> Vec<String> {
    store.keys(plugin, "", None, 1_000).await.unwrap()
}

async fn a_value_is_read_as_it_was_set(mut backend: impl Backend) {
    let store = backend.store();
    assert_eq!(store.get("plugin", "a").await, Ok(None));
    set(&*store, "a", b"one").await;
    set(&*store, "a", b"two").await;
    set(&*store, "b", b"").await;
    drop(store);
    backend.reopen().await;
    let store = backend.store();
    assert_eq!(store.get("plugin", "a").await, Ok(Some(b"two".to_vec())), "the last one");
    assert_eq!(store.get("plugin", "b").await, Ok(Some(vec![])), "empty is not none");
    assert_eq!(all(&*store, "plugin").await, ["a", "b"]);
}

async fn a_key_that_is_removed_is_gone(backend: impl Backend) {
    let store = backend.store();
    set(&*store, "a", b"1").await;
    set(&*store, "b", b"2").await;
    store.delete("plugin", "a").await.unwrap();
    store.delete("plugin", "a").await.unwrap();
    store.delete("plugin", "never").await.unwrap();
    assert_eq!(store.get("plugin", "a").await, Ok(None));
    assert_eq!(all(&*store, "plugin").await, ["b"]);
}

async fn no_plugin_sees_anothers_keys(backend: impl Backend) {
    let store = backend.store();
    // One name is a prefix of the other.
    for plugin in ["redact", "redact_more", "r"] {
        store.set(plugin, "key", plugin.into(), WIDE).await.unwrap();
    }
    store.set("r", "edact", b"x".to_vec(), WIDE).await.unwrap();
    store.delete("redact_more", "key").await.unwrap();
    assert_eq!(store.get("redact", "key").await, Ok(Some(b"redact".to_vec())));
    assert_eq!(store.get("redact_more", "key").await, Ok(None));
    assert_eq!(all(&*store, "redact").await, ["key"]);
    assert_eq!(all(&*store, "r").await, ["edact", "key"]);
    // The quota of one plugin is not reduced by another's values.
    let one = KeyValueQuota { keys_max: 1, bytes_max: 100 };
    assert_eq!(store.set("other", "key", b"x".to_vec(), one).await, Ok(()));
}

async fn keys_come_in_the_order_of_their_bytes(backend: impl Backend) {
    let store = backend.store();
    let mut keys = ["b", "a", "aa", "ä", "A", "a/1", "a/10", "a/2", "日本", "z", "-", "~", "\u{10ffff}", "a b"];
    for key in keys {
        set(&*store, key, b"x").await;
    }
    keys.sort_unstable();
    assert_eq!(all(&*store, "plugin").await, keys);
    let below = |prefix: &'static str| keys.iter().copied().filter(move |key| key.starts_with(prefix));
    for prefix in ["a", "a/", "a/1", "ä", "日", "q", "\u{10ffff}"] {
        let found = store.keys("plugin", prefix, None, 100).await.unwrap();
        assert_eq!(found, below(prefix).collect::<Vec<_>>(), "{prefix}");
    }
}

async fn keys_are_read_on_after_the_last(backend: impl Backend) {
    let store = backend.store();
    for n in 0..25 {
        set(&*store, &format!("k/{n:02}"), b"x").await;
    }
    set(&*store, "j", b"x").await;
    set(&*store, "l", b"x").await;
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.keys("plugin", "k/", after.as_deref(), 10).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        assert!(page.len() <= 10);
        found.extend(page);
    }
    assert_eq!(found, (0..25).map(|n| format!("k/{n:02}")).collect::<Vec<_>>());
    assert_eq!(store.keys("plugin", "k/", Some("a"), 1).await.unwrap(), ["k/00"], "before the prefix");
    assert_eq!(store.keys("plugin", "k/", Some("z"), 1).await.unwrap(), [""; 0], "behind it");
    assert_eq!(store.keys("plugin", "k/", Some("k/1"), 1).await.unwrap(), ["k/10"], "the start key need not exist");
}

async fn the_quota_of_keys_holds(backend: impl Backend) {
    let store = backend.store();
    let two = KeyValueQuota { keys_max: 2, bytes_max: 1_000 };
    let set = async |key: &str| store.set("plugin", key, b"x".to_vec(), two).await;
    assert_eq!((set("a").await, set("b").await), (Ok(()), Ok(())));
    assert_eq!(set("c").await, Err(SetError::Full));
    assert_eq!(set("a").await, Ok(()), "it is there already");
    store.delete("plugin", "b").await.unwrap();
    assert_eq!(set("c").await, Ok(()));
    assert_eq!(all(&*store, "plugin").await, ["a", "c"]);
}

async fn the_quota_of_bytes_holds_and_replacing_frees(backend: impl Backend) {
    let store = backend.store();
    let quota = KeyValueQuota { keys_max: 100, bytes_max: 100 };
    let set = async |key: &str, bytes: usize| store.set("plugin", key, vec![b'x'; bytes], quota).await;
    assert_eq!(set("key", 97).await, Ok(()), "100 bytes with its key");
    assert_eq!(set("key", 98).await, Err(SetError::Full));
    assert_eq!(set("k", 0).await, Err(SetError::Full), "a key without a value has a size too");
    assert_eq!(set("key", 47).await, Ok(()));
    assert_eq!(set("two", 47).await, Ok(()));
    assert_eq!(set("two", 47).await, Ok(()), "replaces its own value");
    assert_eq!(set("k", 0).await, Err(SetError::Full));
    store.delete("plugin", "key").await.unwrap();
    assert_eq!(set("äö", 46).await, Ok(()), "bytes, not characters");
    assert_eq!(set("k", 0).await, Err(SetError::Full));
    // Once emptied, the whole quota is free again.
    for key in ["two", "äö"] {
        store.delete("plugin", key).await.unwrap();
    }
    assert_eq!(set("key", 97).await, Ok(()));
}

async fn what_is_refused_changes_nothing(backend: impl Backend) {
    let store = backend.store();
    let quota = KeyValueQuota { keys_max: 1, bytes_max: 10 };
    store.set("plugin", "a", b"old".to_vec(), quota).await.unwrap();
    assert_eq!(store.set("plugin", "a", vec![0; 100], quota).await, Err(SetError::Full));
    assert_eq!(store.set("plugin", "b", vec![0; 1], quota).await, Err(SetError::Full));
    assert_eq!(store.get("plugin", "a").await, Ok(Some(b"old".to_vec())));
    assert_eq!(all(&*store, "plugin").await, ["a"]);
    assert_eq!(store.set("plugin", "a", vec![0; 9], quota).await, Ok(()), "it holds what it held");
}

async fn sets_at_the_same_time_stay_within_the_quota(backend: impl Backend) {
    let store = backend.store();
    let quota = KeyValueQuota { keys_max: 10, bytes_max: 10_000 };
    let sets = (0..40).map(|n| {
        let store = store.clone();
        async move { store.set("plugin", &format!("k{n}"), vec![b'x'; 10], quota).await }
    });
    let done = futures::future::join_all(sets).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 10, "{done:?}");
    assert!(done.iter().all(|done| matches!(done, Ok(()) | Err(SetError::Full))), "{done:?}");
    assert_eq!(all(&*store, "plugin").await.len(), 10);
    // Concurrent writes to one key: one of the values is stored whole and counted once.
    let same = (0..40u8).map(|n| {
        let store = store.clone();
        async move { store.set("other", "key", vec![n; 1_000], quota).await }
    });
    assert!(futures::future::join_all(same).await.iter().all(Result::is_ok));
    let value = store.get("other", "key").await.unwrap().unwrap();
    assert!(value.len() == 1_000 && value.iter().all(|byte| *byte == value[0]));
    assert_eq!(store.set("other", "more", vec![0; 8_990], quota).await, Ok(()), "1,003 and 8,994 bytes");
}

async fn any_key_and_any_bytes_can_be_stored(backend: impl Backend) {
    let store = backend.store();
    let long = "ß".repeat(127);
    let keys = ["{x}", "*", "a:b", "a'b\"c", "%s\\n", " ", "..", "key with spaces", "💩", "[a", "(a", "-", "+", &long];
    let every: Vec<u8> = (0..=255).collect();
    for key in keys {
        let value = [key.as_bytes(), &every].concat();
        store.set("plugin", key, value.clone(), WIDE).await.unwrap();
        assert_eq!(store.get("plugin", key).await, Ok(Some(value)), "{key}");
        assert_eq!(store.keys("plugin", key, None, 1).await.unwrap(), [key], "{key}");
    }
    assert_eq!(all(&*store, "plugin").await.len(), keys.len());
    let large: Vec<u8> = (0..64 << 10).map(|n: u32| (n % 251) as u8).collect();
    store.set("plugin", "large", large.clone(), WIDE).await.unwrap();
    assert_eq!(store.get("plugin", "large").await, Ok(Some(large)));
}
