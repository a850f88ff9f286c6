//! `morag.toml`: what loads is within its limits, and no error shows what may be a secret.
#![no_main]

use libfuzzer_sys::fuzz_target;
use morag_core::is_depth_allowed;
use morag_core::pipeline::OnFailure;
use morag_core::ports::Flow;
use morag_engine::config::{Config, Sources};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use toml::{Table, Value};

/// Stands for every secret.
const SECRET: &str = "S3CRET-0f1e2d3c4b5a";
/// The environment's, by the variable that a file may name.
const OF_ENVIRONMENT: &str = "ENV-S3CRET-99887766";
/// Settings whose values are secret, or may have one in them.
const SECRET_SETTINGS: [&str; 12] = [
    "api_keys",
    "blobs_url",
    "openai_api_key",
    "openai_base_url",
    "redis_url",
    "s3_access_key_id",
    "s3_endpoint_url",
    "s3_secret_access_key",
    "secrets_key",
    "webhook_previous_secret",
    "webhook_proxy",
    "webhook_secret",
];
/// The same of tables. Where the name of a variable is asked for, somebody may have written the secret itself.
const SECRET_KEYS: [(&str, &[&str]); 4] = [
    ("callers", &["key_sha256"]),
    ("plugin_registries", &["password_env", "token_env"]),
    ("plugins", &["secrets"]),
    ("webhook_endpoints", &["auth_token", "auth_token_env", "headers", "secret", "secret_env", "url"]),
];

fuzz_target!(|text: &str| {
    if let Ok(config) = load(text) {
        check(&config);
    }
    if text.contains("S3CRET") {
        return;
    }
    match text.parse::<Table>() {
        Ok(table) => {
            // One after the other: what is wrong with one may keep others from being looked at.
            for hidden in hidden(&table) {
                let text = toml::to_string(&hidden).expect("a table is TOML");
                if let Err(error) = load(&text) {
                    assert!(!error.contains("S3CRET"), "{error}\nof\n{text}");
                }
            }
        }
        // What is no TOML may be a file with a secret and a slip of the pen, anywhere.
        Err(_) => {
            let text = text.replace("hunter", SECRET);
            if text.parse::<Table>().is_err() {
                let error = load(&text).expect_err("it is no TOML");
                assert!(!error.contains("S3CRET"), "{error}\nof\n{text}");
            }
        }
    }
});

fn load(text: &str) -> Result<Config, String> {
    let environment = BTreeMap::from([("SET".to_owned(), OF_ENVIRONMENT.to_owned())]);
    let loaded = Config::of(&Sources { environment, ..Sources::default() }, Some(text)).map_err(|error| error.to_string());
    if let Err(error) = &loaded {
        assert!(!error.contains(OF_ENVIRONMENT), "{error}\nof\n{text}");
    }
    loaded
}

/// The same table with a secret in a place where one may be: once for every such place that it has.
fn hidden(table: &Table) -> Vec<Table> {
    let mut all = Vec::new();
    let mut with = |of: &dyn Fn(&mut Table) -> Vec<&mut Value>| {
        let mut hidden = table.clone();
        let values = of(&mut hidden);
        if !values.is_empty() {
            values.into_iter().for_each(hide_in);
            all.push(hidden);
        }
    };
    for name in SECRET_SETTINGS {
        with(&|table| table.get_mut(name).into_iter().collect());
    }
    for (list, names) in SECRET_KEYS {
        for name in names {
            with(&|table| {
                let tables = table.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
                tables.filter_map(Value::as_table_mut).filter_map(|table| table.get_mut(*name)).collect()
            });
        }
    }
    all
}

fn hide_in(value: &mut Value) {
    match value {
        // The rest stays, for what is checked of it: a scheme, a length.
        Value::String(text) => text.push_str(SECRET),
        Value::Array(items) => items.iter_mut().for_each(hide_in),
        Value::Table(table) => table.iter_mut().for_each(|(_, value)| hide_in(value)),
        _ => {}
    }
}

fn check(config: &Config) {
    let hour = Duration::from_secs(3600);
    assert!(
        (1..=1024).contains(&config.worker_concurrency) && (1..=1024).contains(&config.webhook_endpoint_concurrency)
    );
    assert!((2..=4096).contains(&config.webhook_concurrency) && (1..=4096).contains(&config.webhook_host_concurrency));
    assert!(config.webhook_max_retries <= 20 && config.webhook_retry_delay <= 24 * hour);
    assert!((Duration::from_secs(1)..=hour).contains(&config.lease) && config.process_wait <= hour);
    assert!(config.max_upload_size_bytes > 0 && config.connections_per_peer > 0);
    assert!((64 << 20..=64 << 30).contains(&config.compiling.memory_bytes_max));
    // Times are added to times: the sum of some must be one too.
    let years = Duration::from_secs(101 * 366 * 24 * 3600);
    for time in
        [config.history_retention, config.temp_retention, config.idempotency_retention, config.webhook_disable_after, config.webhook_give_up_after]
    {
        assert!(time <= years, "{time:?}");
    }
    callers(config);
    pipelines(config);
    let endpoints: BTreeSet<_> = config.webhook_endpoints.iter().map(|one| one.endpoint.id.as_str()).collect();
    assert_eq!(endpoints.len(), config.webhook_endpoints.len());
    assert!(config.webhook_endpoints.iter().all(|one| !one.credentials.signing(one.endpoint.created_at).is_empty()));
    for plugin in &config.plugins {
        assert!(plugin.grant.http.len() <= 100 && plugin.grant.secrets.len() <= 100);
        assert!(plugin.grant.secrets.values().all(|secret| secret.expose().len() >= 8));
        assert!((64 << 10..=4 << 30).contains(&plugin.grant.limits.memory_bytes_max));
    }
}

fn callers(config: &Config) {
    let callers = &config.callers;
    assert!(callers.len() <= 1000 + config.api_keys.len());
    // Nobody is let in for nothing: a key for each, and each its own.
    assert_eq!(callers.iter().map(|caller| &caller.name).collect::<BTreeSet<_>>().len(), callers.len());
    let of_tables = &callers[config.api_keys.len()..];
    assert_eq!(of_tables.iter().map(|caller| caller.digest).collect::<BTreeSet<_>>().len(), of_tables.len());
    for caller in callers {
        assert!((1..=Flow::WEIGHT_MAX).contains(&caller.weight) && !caller.name.is_empty());
        assert!(caller.collections.as_ref().is_none_or(|names| (1..=1000).contains(&names.len())));
    }
    assert!(config.api_keys.iter().all(|key| !key.secret.expose().is_empty()));
    assert!(config.api_host.is_loopback() || !config.has_default_key);
}

fn pipelines(config: &Config) {
    assert!(config.pipelines.len() <= 64);
    for one in &config.pipelines {
        let steps = one.pipeline.steps();
        assert!((1..=32).contains(&steps.len()));
        assert_eq!(steps.iter().map(|step| &step.name).collect::<BTreeSet<_>>().len(), steps.len());
        for step in steps {
            let bytes = serde_json::to_string(&step.config).expect("a configuration is JSON").len();
            assert!(bytes <= 64 << 10 && is_depth_allowed(&step.config), "{bytes} bytes of {}", step.name);
            assert!((1..=10_000).contains(&step.weight) && step.name.len() <= 58 && step.stage.len() <= 58);
            if let OnFailure::Retry(retries) = step.on_failure {
                assert!((1..=20).contains(&retries.times()));
            }
        }
    }
}
