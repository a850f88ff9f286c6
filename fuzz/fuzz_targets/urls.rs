//! URLs that callers give: of webhooks, of documents, of redirects, of a proxy.
#![no_main]

use libfuzzer_sys::fuzz_target;
use morag_core::ports::SourceUrl;
use morag_core::webhook::{AddressPolicy, WebhookProxy, WebhookUrl, redact};

fuzz_target!(|text: &str| {
    let policy = AddressPolicy::default();
    if let Ok(url) = text.parse::<WebhookUrl>() {
        let _ = url.check_literal(&policy);
        // Stored as text, and read again: it must be the same receiver.
        let stored = String::from(url.clone());
        assert_eq!(stored.parse::<WebhookUrl>().as_ref(), Ok(&url), "{stored}");
        assert!(url.has_origin_of(&url) && url.port() > 0);
        let shown = redact(url.as_url());
        assert!(!shown.contains('@') || url.as_url().path().contains('@'), "{shown}");
        // Compared as a whole: a path may have the same text as the query.
        let query = shown.split_once('?').map(|(_, query)| query);
        assert_eq!(query, url.as_url().query().map(|_| "redacted"), "{shown}");
    }
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    if let Ok(url) = first.parse::<SourceUrl>() {
        let _ = url.check_literal(&policy);
        let _ = url.redacted();
        if let Ok(next) = url.redirected(rest) {
            assert!(matches!(next.as_url().scheme(), "http" | "https"));
        }
    }
    if let Ok(proxy) = text.parse::<WebhookProxy>() {
        assert!(!proxy.host().is_empty());
        let _ = (proxy.port(), proxy.credentials());
    }
});
