//! From sources to a [`Config`].

use super::*;
use morag_core::pipeline::{OnFailure, Retries, StepDefinition};
use std::path::Path;

mod callers;
mod plugins;

const REDIS: &str = "redis://127.0.0.1:1";

fn key(text: &str, weight: u32) -> ApiKey {
    ApiKey { secret: Secret::new(text), weight }
}

fn load(file: Option<&str>, environment: &[(&str, &str)]) -> Result<Config, String> {
    load_with(file, environment, &[])
}

#[expect(clippy::disallowed_methods, reason = "a configuration is a file")]
fn load_with(
    file: Option<&str>,
    environment: &[(&str, &str)],
    flags: &[(&'static str, &'static str, &str)],
) -> Result<Config, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("morag.toml");
    std::fs::write(&path, file.unwrap_or_default()).unwrap();
    let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let flags = flags.iter().map(|(key, flag, value)| (*key, *flag, (*value).to_owned())).collect();
    let sources = Sources { file: Some(&path), environment, flags, binary_dir: None };
    Config::load(&sources).map_err(|error| error.to_string())
}

#[test]
fn the_defaults_are_the_contracts() {
    let config = load(None, &[]).unwrap();
    assert_eq!(config.listen_address().to_string(), "127.0.0.1:8000");
    assert_eq!(config.webhook_timeout, Duration::from_secs(30));
    assert_eq!((config.webhook_max_retries, config.webhook_retry_delay), (3, Duration::from_secs(5)));
    assert_eq!(config.history_retention, Duration::from_secs(7 * 86_400));
    assert_eq!(config.temp_retention, Duration::from_secs(168 * 3600));
    assert_eq!(config.max_upload_size_bytes, 100 << 20);
    assert!(config.webhook_allow_networks.is_empty() && config.webhook_secrets.is_empty());
    assert_eq!(config.api_keys, [key("test-api-key", 1)]);
    assert_eq!((config.roles, config.drain_timeout), (Roles::ALL, Duration::from_secs(10)));
    assert_eq!(config.idempotency_retention, Duration::from_secs(168 * 3600));
    assert!(config.redis.is_none() && config.s3.is_none());
    assert!(config.warnings[0].contains("MORAG_API_KEYS"));
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
    let file = "api_port = 9000\nwebhook_timeout = \"2m\"\nwebhook_allow_networks = [\"127.0.0.0/8\", \"::1\"]\n";
    let config =
        load(Some(file), &[("API_PORT", "9001"), ("WEBHOOK_SECRET", "change-me"), ("WEBHOOK_TIMEOUT", " ")]).unwrap();
    assert_eq!(config.api_port, 9001);
    assert_eq!(config.webhook_timeout, Duration::from_secs(120));
    assert_eq!(config.webhook_allow_networks.len(), 2);
    assert_eq!(config.webhook_secrets, [Secret::new("change-me")]);
}

#[test]
fn an_unknown_key_is_named() {
    for (file, said) in [
        (
            "log = \"info\"\napi_prot = 1",
            "morag.toml, line 2: api_prot: there is no such setting: did you mean api_port?",
        ),
        ("nonsense = 1", "morag.toml, line 1: nonsense: there is no such setting: `morag config table` lists them all"),
        ("\n[[caller]]", "morag.toml, line 2: caller: there is no such setting: did you mean callers?"),
        (
            "[[callers]]\nname = \"a\"\nkey_sha265 = \"\"",
            "morag.toml, line 3: callers[0].key_sha265: there is no such key: did you mean key_sha256?",
        ),
        ("[[callers]]\nname = \"a\"\nkey_sha265 = \"\"", "morag.toml, line 1: callers[0].key_sha256: it is required"),
        (
            "[[pipelines]]\nname = \"a\"\n[[pipelines.steps]]\nname = \"b\"\nwieght = 1",
            "morag.toml, line 5: pipelines[0].steps[0].wieght: there is no such key: did you mean weight?",
        ),
    ] {
        let error = load(Some(file), &[]).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_line_and_without_secrets() {
    let file = "api_port = 70000\napi_prot = 1\nwebhook_timeout = true\n\
         [[callers]]\nname = \"c r m\"\nkey_sha256 = \"5ecret\"\nscopes = [\"submit\", \"write\"]\ntenat = \"a\"\n\
         [[webhook_endpoints]]\nid = \"crm\"\nsecret_evn = \"5ecret\"\nurl = \"https://example.com/\"\nrate_limit = 0\n\
         [[plugins]]\nnmae = \"x\"\n";
    let environment = [("API_HOST".to_owned(), "nowhere".to_owned())].into();
    let error = Config::of(&Sources { environment, ..Sources::default() }, Some(file)).unwrap_err().to_string();
    let told: Vec<_> = error.lines().collect();
    assert_eq!(
        told,
        [
            "the settings have 12 errors:",
            "  API_HOST is \"nowhere\": give an IP address like 127.0.0.1, 0.0.0.0 or ::1",
            "  morag.toml, line 1: api_port is \"70000\": give a whole number, 0 to 65535",
            "  morag.toml, line 2: api_prot: there is no such setting: did you mean api_port?",
            "  morag.toml, line 3: webhook_timeout: give a string or a number",
            "  morag.toml, line 5: callers[0].name: give 1 to 64 letters, digits, dots, dashes and underscores",
            "  morag.toml, line 6: callers[0].key_sha256: give the SHA-256 of the key, 64 hexadecimal digits; never the key itself. \
             `morag key new NAME` prints a new key and its table",
            "  morag.toml, line 7: callers[0].scopes[1]: give submit, read, endpoints or admin",
            "  morag.toml, line 8: callers[0].tenat: there is no such key: did you mean tenant?",
            "  morag.toml, line 11: webhook_endpoints[0].secret_evn: there is no such key: did you mean secret_env?",
            "  morag.toml, line 13: webhook_endpoints[0].rate_limit: give a whole number, 1 to 1000",
            "  morag.toml, line 14: plugins[0].name: it is required",
            "  morag.toml, line 15: plugins[0].nmae: there is no such key: did you mean name?",
        ]
    );
}

#[test]
fn a_bad_value_is_told_with_its_line_its_variable_or_its_flag() {
    for (file, said) in [
        ("\napi_port = \"x\"\n", "line 2: api_port is \"x\": give a whole number, 0 to 65535"),
        ("log = \"info\"\n\n# Range.\nwebhook_max_retries = 21\n", "line 4: webhook_max_retries is \"21\": give"),
        (
            "webhook_allow_networks = [\n  \"10.0.0.0/99\",\n]\n",
            "line 1: webhook_allow_networks is \"10.0.0.0/99\": give",
        ),
        ("log_format = \"xml\"", "line 1: log_format is \"xml\": give text or json"),
        ("lease_seconds = \"2h\"", "line 1: lease_seconds is \"2h\": give seconds, 1 to 3600"),
        ("compile_memory_bytes = 1", "line 1: compile_memory_bytes is \"1\": give 64MiB to 64GiB"),
        ("\nrole = \"worker\"", "line 2: role is worker, and REDIS_URL is not set"),
        ("\napi_host = \"0.0.0.0\"", "line 2: api_host is 0.0.0.0, which others can reach"),
        (
            "\nwebhook_previous_secret = \"hidden-hidden-hidden\"",
            "line 2: webhook_previous_secret is set, and WEBHOOK_SECRET",
        ),
        ("\nwebhook_secret = \"hidden\"", "line 2: webhook_secret cannot sign"),
        ("\nblobs_url = \"https://hidden\"", "line 2: blobs_url is not of the form s3://bucket/prefix"),
        ("webhook_proxy = \"hidden\"", "line 1: webhook_proxy cannot be used"),
    ] {
        let error = load(Some(file), &[]).unwrap_err();
        assert!(error.contains(&format!("morag.toml, {said}")) && !error.contains("hidden"), "{error}");
    }
    let (file, variable) = (Some("api_port = \"y\""), [("API_PORT", "x")]);
    let allowed = "give a whole number, 0 to 65535";
    assert_eq!(load(file, &variable).unwrap_err(), format!("API_PORT is \"x\": {allowed}"));
    let flag = [("api_port", "--port", "z")];
    assert_eq!(load_with(file, &variable, &flag).unwrap_err(), format!("--port is \"z\": {allowed}"));
}

#[test]
fn a_bad_value_names_the_setting_the_value_and_what_is_allowed() {
    for (name, value, allowed) in [
        ("API_PORT", "70000", "65535"),
        ("API_HOST", "example.com", "127.0.0.1"),
        ("WEBHOOK_TIMEOUT", "-1", "seconds"),
        ("WEBHOOK_MAX_RETRIES", "21", "0 to 20"),
        ("WEBHOOK_ALLOW_NETWORKS", "127.0.0.0/40", "127.0.0.0/8"),
        ("MORAG_MAX_UPLOAD_SIZE_BYTES", "0", "100MiB"),
        ("MORAG_MAX_UPLOAD_SIZE_BYTES", "1TiB", "KiB, MiB, GiB, kB, MB or GB"),
        ("MORAG_DISK_FREE_MIN", "1TiB", "KiB, MiB, GiB, kB, MB or GB"),
        ("MORAG_LEASE_SECONDS", "0", "1 to 3600"),
        ("MORAG_LOG_FORMAT", "xml", "text or json"),
    ] {
        let error = load(None, &[(name, value)]).unwrap_err();
        assert!(error.contains(name) && error.contains(value) && error.contains(allowed), "{error}");
    }
}

#[test]
fn a_public_address_needs_an_api_key() {
    let error = load(None, &[("API_HOST", "0.0.0.0")]).unwrap_err();
    assert!(error.contains("MORAG_API_KEYS"), "{error}");
    let config = load(None, &[("API_HOST", "0.0.0.0"), ("MORAG_API_KEYS", "a, b")]).unwrap();
    assert_eq!(config.api_keys, [key("a", 1), key("b", 1)]);
    assert!(config.warnings.is_empty());
}

#[test]
fn unsupported_variables_are_warned_of() {
    let config = load(None, &[("QDRANT_URL", "http://q"), ("MORAG_API_KEYS", "k")]).unwrap();
    assert!(config.warnings[0].contains("QDRANT_URL"));
}

#[test]
fn an_unknown_variable_is_warned_of_with_a_suggestion() {
    let plugin =
        "[[plugins]]\nname = \"redact\"\ncapabilities = [\"secrets\"]\nsecrets = { T = \"MORAG_OUR_TOKEN\" }\n";
    let environment = [
        ("MORAG_API_KEYS", "k"),
        ("MORAG_REDIS_URL", "redis://:s3cret@cache"),
        ("MORAG_FOO", "1"),
        ("MORAG_EMPTY", " "),
        ("WEBHOOK_SECERT", "s3cret"),
        ("MORAG_TEST_BINARY", "/x"),
        ("MORAG_SERVER", "http://127.0.0.1:8000"),
        ("MORAG_PORT", "tcp://10.0.0.1:8000"),
        ("MORAG_OUR_TOKEN", "longer than eight"),
        ("OTHERS", "1"),
    ];
    let warnings = load(Some(plugin), &environment).unwrap().warnings;
    assert_eq!(
        warnings,
        [
            "MORAG_FOO is not a setting and has no effect: `morag config table` lists them all",
            "MORAG_REDIS_URL is not a setting and has no effect: did you mean REDIS_URL?",
            "WEBHOOK_SECERT is not a setting and has no effect: did you mean WEBHOOK_SECRET?",
        ]
    );
}

#[test]
fn a_previous_secret_alone_is_refused() {
    let error = load(None, &[("WEBHOOK_PREVIOUS_SECRET", "the-one-before")]).unwrap_err();
    assert!(error.contains("WEBHOOK_SECRET is not") && !error.contains("the-one-before"), "{error}");
    let both = [("WEBHOOK_PREVIOUS_SECRET", "the-one-before"), ("WEBHOOK_SECRET", "the-newest")];
    let secrets = load(None, &both).unwrap().webhook_secrets;
    assert_eq!(secrets, [Secret::new("the-newest"), Secret::new("the-one-before")]);
}

#[test]
fn the_command_line_wins_over_everything_and_is_named() {
    let environment = [("MORAG_ROLE", "api"), ("MORAG_WORKER_CONCURRENCY", "3"), ("REDIS_URL", REDIS)];
    let flags = [("role", "--role", "worker, dispatcher"), ("drain_timeout", "--drain-timeout", "0")];
    let config = load_with(Some("drain_timeout = 5\n"), &environment, &flags).unwrap();
    assert_eq!((config.roles.to_string().as_str(), config.worker_concurrency), ("worker,dispatcher", 3));
    assert_eq!(config.drain_timeout, Duration::ZERO);
    for (flag, allowed) in [
        (("worker_concurrency", "--concurrency", "0"), "1 to 1024"),
        (("drain_timeout", "--drain-timeout", "2h"), "0 to 3600"),
        (("role", "--role", "boss"), "api, worker and dispatcher"),
        (("role", "--role", ""), "api, worker and dispatcher"),
    ] {
        let error = load_with(None, &[], &[flag]).unwrap_err();
        assert!(error.contains(flag.1) && error.contains(allowed), "{error}");
    }
}

#[test]
fn the_embedded_store_needs_every_role() {
    for role in ["api", "worker", "dispatcher,api"] {
        let error = load(None, &[("MORAG_ROLE", role)]).unwrap_err();
        assert!(error.contains("MORAG_ROLE") && error.contains("REDIS_URL"), "{error}");
        assert!(load(None, &[("MORAG_ROLE", role), ("REDIS_URL", REDIS)]).is_ok());
    }
    assert_eq!(load(None, &[("MORAG_ROLE", "worker,dispatcher,api")]).unwrap().roles, Roles::ALL);
}

#[test]
fn roles_that_are_split_over_processes_need_the_same_files() {
    let warned = |role: &str, blobs: &str| {
        let environment =
            [("MORAG_ROLE", role), ("REDIS_URL", REDIS), ("MORAG_BLOBS_URL", blobs), ("MORAG_API_KEYS", "k")];
        load(None, &environment).unwrap().warnings.iter().any(|warning| warning.contains("MORAG_BLOBS_URL"))
    };
    assert!(warned("api", "") && warned("worker", "") && warned("dispatcher,worker", ""));
    assert!(!warned("all", "") && !warned("dispatcher", "") && !warned("api", "s3://bucket/prefix"));
}

#[test]
fn a_process_that_serves_no_api_needs_no_key() {
    let environment = [("API_HOST", "0.0.0.0"), ("REDIS_URL", REDIS), ("MORAG_ROLE", "worker,dispatcher")];
    assert!(load(None, &environment).unwrap().api_keys.is_empty());
    // It may share the settings of the other processes.
    let weights = [environment.as_slice(), &[("MORAG_API_KEY_WEIGHTS", "1,2")]].concat();
    assert!(load(None, &weights).is_ok());
}

#[test]
fn each_key_has_its_weight() {
    let weighed = |weights| load(None, &[("MORAG_API_KEYS", "a,b"), ("MORAG_API_KEY_WEIGHTS", weights)]);
    assert_eq!(weighed("1, 1000").unwrap().api_keys, [key("a", 1), key("b", 1000)]);
    let config = load(Some("api_keys = [\"a\", \"b\"]\napi_key_weights = [3, 4]\n"), &[]).unwrap();
    assert_eq!(config.api_keys, [key("a", 3), key("b", 4)]);
    for (bad, why) in [("1", "which is 2"), ("1,2,3", "which is 2"), ("0,1", "1 to 1000"), ("1,1001", "1 to 1000")] {
        let error = weighed(bad).unwrap_err();
        assert!(error.contains("MORAG_API_KEY_WEIGHTS") && error.contains(why), "{error}");
    }
}

#[test]
fn redis_and_s3_are_read_and_never_shown() {
    let environment = [
        ("REDIS_URL", "rediss://user:hidden@host:6380"),
        ("REDIS_CA_FILE", "/etc/ca.pem"),
        ("REDIS_KEY_PREFIX", "team-a:"),
        ("MORAG_REDIS_ACCEPT_LOSS", "restart, eviction"),
        ("MORAG_BLOBS_URL", "s3://bucket/prefix"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "hidden"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9000"),
    ];
    let config = load(None, &environment).unwrap();
    let (redis, s3) = (config.redis.clone().unwrap(), config.s3.clone().unwrap());
    assert_eq!(redis.url.expose(), environment[0].1);
    assert_eq!((redis.ca_file.as_deref(), redis.key_prefix.as_str()), (Some("/etc/ca.pem".as_ref()), "team-a:"));
    assert_eq!(redis.accept_loss.to_string(), "eviction,restart");
    assert_eq!((s3.url.as_str(), s3.region.as_deref()), ("s3://bucket/prefix", Some("eu-central-1")));
    assert_eq!((s3.access_key_id.as_deref(), s3.secret_access_key), (Some("id"), Some(Secret::new("hidden"))));
    assert_eq!(s3.endpoint.as_deref(), Some("http://127.0.0.1:9000"));
    assert!(!format!("{config:?}").contains("hidden"));
    for (name, bad) in [
        ("REDIS_KEY_PREFIX", "{a}"),
        ("MORAG_REDIS_ACCEPT_LOSS", "all"),
        ("MORAG_BLOBS_URL", "https://host/hidden"),
        ("MORAG_BLOBS_URL", "s3://"),
        ("MORAG_BLOBS_URL", "s3://id:hidden@bucket/prefix"),
        ("AWS_ENDPOINT_URL", "ftp://id:hidden@host"),
        ("AWS_ENDPOINT_URL", "https://id:hidden@host"),
    ] {
        let mut changed = environment;
        changed.iter_mut().find(|(known, _)| *known == name).unwrap().1 = bad;
        let error = load(None, &changed).unwrap_err();
        assert!(error.contains(name) && !error.contains("hidden"), "{error}");
    }
}

#[test]
fn a_secret_is_in_no_error_and_no_debug_text() {
    let error = load(Some("webhook_secret = \"hidden\" x"), &[]).unwrap_err();
    assert!(!error.contains("hidden"), "{error}");
    let config = load(None, &[("WEBHOOK_SECRET", "hidden-one"), ("MORAG_API_KEYS", "hidden")]).unwrap();
    assert!(!format!("{config:?}").contains("hidden"));
}

#[test]
fn a_too_short_signing_secret_is_refused_without_showing_it() {
    for name in ["WEBHOOK_SECRET", "WEBHOOK_PREVIOUS_SECRET"] {
        for short in ["whsec_", "whsec_aGlkZGVu", "whsec_hidden!", "hidden"] {
            let error = load(None, &[(name, short)]).unwrap_err();
            assert!(error.contains(name) && !error.contains("hidden") && !error.contains("aGlkZGVu"), "{error}");
        }
        assert!(load(None, &[(name, "")]).unwrap().webhook_secrets.is_empty(), "an empty value counts as absent");
    }
    let file = ENDPOINT.to_owned() + "secret = \"whsec_aGlkZGVuaGlkZGVu\"\n";
    let error = load(Some(&file), &[]).unwrap_err();
    assert!(error.contains("webhook_endpoints[0].secret") && error.contains("needs at least 24"), "{error}");
}

#[test]
fn a_secret_given_as_a_variable_name_is_not_shown() {
    for key in ["secret_env", "auth_token_env"] {
        let error = load(Some(&format!("{ENDPOINT}{key} = \"hidden\"\n")), &[]).unwrap_err();
        assert!(error.contains(&format!("webhook_endpoints[0].{key}")) && !error.contains("hidden"), "{error}");
    }
}

#[test]
fn a_webhook_proxy_is_read_or_refused_without_its_password() {
    assert!(load(None, &[]).unwrap().webhook_proxy.is_none());
    let config = load(None, &[("WEBHOOK_PROXY", "http://user:hidden@proxy.example:3128")]).unwrap();
    assert_eq!(config.webhook_proxy.as_ref().map(|proxy| (proxy.host(), proxy.port())), Some(("proxy.example", 3128)));
    assert!(!format!("{config:?}").contains("hidden"));
    for refused in
        ["https://user:hidden@proxy.example", "socks5://user:hidden@proxy.example", "user:hidden@proxy.example"]
    {
        let error = load(None, &[("WEBHOOK_PROXY", refused)]).unwrap_err();
        assert!(error.contains("WEBHOOK_PROXY") && !error.contains("hidden"), "{error}");
    }
}

const ENDPOINT: &str = "api_port = 1\n[[webhook_endpoints]]\nid = \"crm\"\nurl = \"https://example.com/h\"\n";

#[test]
fn endpoints_of_the_file_are_read() {
    let file = format!(
        "{ENDPOINT}secret_env = \"CRM\"\nevents = [\"task.*\"]\nretry = {{ max_retries = 9 }}\norder = \"document\"\n\
         headers = {{ X-A = \"1\" }}\nfilter = {{ tenant = \"acme\" }}\nrate_limit = 5\ndisabled = true\n"
    );
    let config = load(Some(&file), &[("CRM", "0123456789abcdef")]).unwrap();
    let ConfiguredEndpoint { endpoint, credentials } = &config.webhook_endpoints[0];
    assert_eq!((endpoint.id.as_str(), endpoint.version, endpoint.disabled.is_some()), ("crm", 0, true));
    assert_eq!(endpoint.settings.retry.unwrap().delay_ms, 5000, "the server's own delay");
    assert_eq!(endpoint.settings.filter["tenant"], "acme");
    assert_eq!(credentials.secrets[0].secret.expose(), "0123456789abcdef");
    assert!(credentials.headers.contains_key("x-a"));
    assert!(!format!("{config:?}").contains("0123456789abcdef"));
}

#[test]
fn a_bad_endpoint_of_the_file_is_named_by_its_path_and_its_secret_is_not_shown() {
    let secret = "secret = \"0123456789abcdef\"\n";
    for (more, path) in [
        ("", "webhook_endpoints[0].secret"),
        ("secret = \"spaces in a 5ecret\"\n", "webhook_endpoints[0].secret"),
        ("secret_env = \"NOT_SET\"\n", "webhook_endpoints[0].secret_env"),
        (&format!("{secret}colour = 1\n"), "webhook_endpoints[0].colour"),
        (&format!("{secret}rate_limit = 0\n"), "webhook_endpoints[0].rate_limit"),
        (&format!("{secret}events = [\"nonsense\"]\n"), "webhook_endpoints[0].events"),
        (&format!("{secret}{}{secret}", ENDPOINT.replace("api_port = 1\n", "")), "webhook_endpoints[1].id"),
    ] {
        let error = load(Some(&format!("{ENDPOINT}{more}")), &[]).unwrap_err();
        assert!(error.contains(path) && !error.contains("5ecret") && !error.contains("0123456789abcdef"), "{error}");
    }
    assert!(load(Some("webhook_endpoints = 1"), &[]).unwrap_err().contains("[[webhook_endpoints]]"));
}

#[test]
fn an_unknown_key_of_an_endpoint_is_told_with_the_keys_of_the_file() {
    let said = |more: &str| load(Some(&format!("{ENDPOINT}secret = \"0123456789abcdef\"\n{more}\n")), &[]).unwrap_err();
    for (key, meant) in
        [("tenat", "tenant"), ("secret_evn", "secret_env"), ("auth_token_en", "auth_token_env"), ("ordr", "order")]
    {
        let error = said(&format!("{key} = \"x\""));
        assert!(
            error.contains(&format!("line 6: webhook_endpoints[0].{key}: there is no such key: did you mean {meant}?")),
            "{error}"
        );
    }
    let error = said("nonsense = 1");
    let (_, keys) = error.split_once("the keys are ").unwrap();
    let keys: Vec<_> = keys.split(", ").collect();
    assert!(["id", "url", "tenant", "secret_env", "auth_token_env"].iter().all(|key| keys.contains(key)), "{keys:?}");
    assert!(!keys.contains(&"version"), "{keys:?}");
    assert!(
        said("retry = { delay = 1 }")
            .contains("webhook_endpoints[0].retry.delay: there is no such key: the keys are max_retries")
    );
    assert!(said("version = 1").contains("webhook_endpoints[0].version: it is for changes over HTTP: leave it out"));
}

#[test]
fn a_bad_value_of_a_variable_is_told_at_the_key_that_names_it() {
    let environment = [("CRM", "5ecret"), ("TOKEN", "5ecret\nvalue")];
    let error =
        load(Some(&format!("{ENDPOINT}secret_env = \"CRM\"\nauth_token_env = \"TOKEN\"\n")), &environment).unwrap_err();
    for place in ["line 5: webhook_endpoints[0].secret_env: ", "line 6: webhook_endpoints[0].auth_token_env: "] {
        assert!(error.contains(place) && !error.contains("5ecret"), "{error}");
    }
}

const PIPELINE: &str = "[[pipelines]]\nname = \"redacted\"\nstores = true\n\
     [[pipelines.steps]]\nname = \"markdown_conversion\"\non_failure = { retry = 3, delay = \"1.5s\" }\n\
     [[pipelines.steps]]\nname = \"redact\"\n";

#[test]
fn pipelines_of_the_file_are_read() {
    let file = format!(
        "api_port = 1\n{PIPELINE}plugin = \"redactor\"\nstage = \"content_processing\"\nweight = 5\n\
         config = {{ kinds = [\"email\"], deep = {{ n = 1.5 }} }}\n\
         when = {{ media_type = [\"application/pdf\", \"text/*\"], metadata = {{ confidential = true }} }}\n\
         on_failure = \"skip\"\noptional = true\nreplaces = {{ \"markdown.md\" = \"redacted.md\" }}\n\
         [[pipelines.steps]]\nname = \"chunking\"\nplugin = \"my_chunking\"\non_failure = \"fail\"\n\
         [[pipelines]]\nname = \"convert\"\n[[pipelines.steps]]\nname = \"other\"\non_failure = {{ retry = 1 }}\n"
    );
    let config = load(Some(&file), &[]).unwrap();
    let [redacted, convert] = config.pipelines.as_slice() else { panic!("{:?}", config.pipelines) };
    assert_eq!((redacted.pipeline.name(), redacted.stores), ("redacted", true));
    assert_eq!((convert.pipeline.name(), convert.stores), ("convert", false));
    let [conversion, redact, chunking] = redacted.pipeline.steps() else { panic!("{redacted:?}") };
    let standard = StepDefinition::plain("markdown_conversion", "markdown_conversion", "content_processing", 25);
    let retries = OnFailure::Retry(Retries::new(3, Duration::from_millis(1_500)).unwrap());
    assert_eq!(conversion, &StepDefinition { on_failure: retries, ..standard });
    let expected = serde_json::json!({
        "name": "redact", "component": "redactor", "stage": "content_processing", "weight": 5,
        "config": {"kinds": ["email"], "deep": {"n": 1.5}},
        "when": {"media_type": ["application/pdf", "text/*"], "metadata": {"confidential": true}},
        "on_failure": {"action": "skip"}, "optional": true, "replaces": {"markdown.md": "redacted.md"}
    });
    assert_eq!(serde_json::to_value(redact).unwrap(), expected);
    assert_eq!(chunking, &StepDefinition::plain("chunking", "my_chunking", "chunking", 10));
    let [other] = convert.pipeline.steps() else { panic!("{convert:?}") };
    let retries = OnFailure::Retry(Retries::new(1, Duration::from_secs(10)).unwrap());
    assert_eq!(other, &StepDefinition { on_failure: retries, ..StepDefinition::plain("other", "other", "other", 10) });
}

#[test]
fn a_bad_pipeline_is_named_by_the_path_of_the_key_and_its_value_is_not_shown() {
    for (more, path) in [
        ("colour = \"s3cret\"\n", "pipelines[0].steps[1].colour: "),
        ("weight = 0\n", "pipelines[0].steps[1].weight: "),
        ("weight = \"s3cret\"\n", "pipelines[0].steps[1].weight: "),
        ("plugin = \"S3cret\"\n", "pipelines[0].steps[1].plugin: "),
        ("stage = \"a b\"\n", "pipelines[0].steps[1].stage: "),
        ("optional = \"s3cret\"\n", "pipelines[0].steps[1].optional: "),
        ("config = \"s3cret\"\n", "pipelines[0].steps[1].config: "),
        ("config = { a = { b = [1, inf] } }\n", "pipelines[0].steps[1].config.a.b[1]: "),
        ("when = {}\n", "pipelines[0].steps[1].when: "),
        ("when = { mediatype = \"text/*\" }\n", "pipelines[0].steps[1].when.mediatype: "),
        ("when = { media_type = [] }\n", "pipelines[0].steps[1].when.media_type: "),
        ("when = { media_type = [\"text/*\", \"pdf\"] }\n", "pipelines[0].steps[1].when.media_type[1]: "),
        ("when = { metadata = true }\n", "pipelines[0].steps[1].when.metadata: "),
        ("on_failure = \"s3cret\"\n", "pipelines[0].steps[1].on_failure: "),
        ("on_failure = { delay = \"1s\" }\n", "pipelines[0].steps[1].on_failure.retry: "),
        ("on_failure = { retry = 21 }\n", "pipelines[0].steps[1].on_failure.retry: "),
        ("on_failure = { retry = 0 }\n", "pipelines[0].steps[1].on_failure.retry: "),
        ("on_failure = { retry = 1, delay = \"61m\" }\n", "pipelines[0].steps[1].on_failure.delay: "),
        ("on_failure = { retry = 1, delay = -1 }\n", "pipelines[0].steps[1].on_failure.delay: "),
        ("on_failure = { retry = 1, skip = true }\n", "pipelines[0].steps[1].on_failure.skip: "),
        ("replaces = { \"../a\" = \"b\" }\n", "pipelines[0].steps[1].replaces: "),
        ("replaces = { \"a\" = \".b\" }\n", "pipelines[0].steps[1].replaces.a: "),
        ("replaces = { \"a\" = 1 }\n", "pipelines[0].steps[1].replaces.a: "),
        ("[[pipelines.steps]]\nname = \"redact\"\n", "pipelines[0].steps[2].name: "),
        ("[[pipelines.steps]]\nname = \"Redact\"\n", "pipelines[0].steps[2].name: "),
        ("[[pipelines.steps]]\nname = \"with-dash\"\n", "pipelines[0].steps[2].name: "),
        ("[[pipelines.steps]]\nplugin = \"a\"\n", "pipelines[0].steps[2].name: "),
        ("[[pipelines]]\nname = \"empty\"\n", "pipelines[1].steps: "),
        ("[[pipelines]]\nname = \"empty\"\nsteps = 1\n", "pipelines[1].steps: "),
        ("[[pipelines]]\nname = \"empty\"\nsteps = [1]\n", "pipelines[1].steps[0]: "),
        ("[[pipelines]]\n", "pipelines[1].name: "),
        ("[[pipelines]]\nname = \"redacted\"\n", "pipelines[1].name: "),
        ("[[pipelines]]\nname = \"b\"\nstep = []\n", "pipelines[1].step: "),
    ] {
        let error = load(Some(&format!("{PIPELINE}{more}")), &[]).unwrap_err();
        assert!(error.contains(&format!(": {path}")) && !error.to_lowercase().contains("s3cret"), "{more}: {error}");
    }
    assert!(load(Some("pipelines = 1"), &[]).unwrap_err().contains("[[pipelines]]"));
    let step = |number| format!("[[pipelines.steps]]\nname = \"s{number}\"\n");
    let steps: String = (0..33).map(step).collect();
    let error = load(Some(&format!("[[pipelines]]\nname = \"long\"\n{steps}")), &[]).unwrap_err();
    assert!(error.contains("pipelines[0].steps: ") && error.contains("32"), "{error}");
    let many: String = (0..65).map(|number| format!("[[pipelines]]\nname = \"p{number}\"\n{}", step(0))).collect();
    let error = load(Some(&many), &[]).unwrap_err();
    assert!(error.contains("pipelines[64]: ") && error.contains("more than 64"), "{error}");
    let large = format!("config = {{ text = \"{}\" }}\n", "x".repeat(70_000));
    let error = load(Some(&format!("{PIPELINE}{large}")), &[]).unwrap_err();
    assert!(error.contains("pipelines[0].steps[1].config: ") && error.contains("64 KiB"), "{error}");
}

/// The examples of `docs/pipelines.md`, each a whole `morag.toml`.
#[test]
fn the_examples_of_the_documentation_are_read() {
    let text = include_str!("../../../../docs/pipelines.md");
    let examples: Vec<_> = text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(examples.len() >= 4, "{}", examples.len());
    for example in examples {
        let config = load(Some(example), &[]).unwrap_or_else(|error| panic!("{error} in {example}"));
        assert!(!config.pipelines.is_empty(), "{example}");
    }
}

#[test]
fn the_example_of_the_default_file_is_read() {
    let text = default_toml();
    let example: String = text
        .lines()
        .skip_while(|line| *line != "#[[pipelines]]")
        .take_while(|line| !line.is_empty())
        .map(|line| format!("{}\n", line.trim_start_matches('#')))
        .collect();
    let config = load(Some(&example), &[]).unwrap();
    let [step, redact] = config.pipelines[0].pipeline.steps() else { panic!("{example}") };
    assert_eq!((step.name.as_str(), redact.name.as_str()), ("markdown_conversion", "redact"));
    assert!(redact.optional && !redact.when.is_always() && !redact.replaces.is_empty() && !redact.config.is_empty());
}

#[test]
fn limits_of_compiling_are_the_runtimes_unless_they_are_set_within_bounds() {
    assert_eq!(load(None, &[]).unwrap().compiling, CompileLimits::default());
    let set = [("MORAG_COMPILE_MEMORY_BYTES", "256MiB"), ("MORAG_COMPILE_CPU_SECONDS", "5m")];
    let limits = CompileLimits { memory_bytes_max: 256 << 20, cpu_time_max: Duration::from_secs(300) };
    assert_eq!(load(None, &set).unwrap().compiling, limits);
    for (name, value) in [
        ("MORAG_COMPILE_MEMORY_BYTES", "1MiB"),
        ("MORAG_COMPILE_MEMORY_BYTES", "65GiB"),
        ("MORAG_COMPILE_CPU_SECONDS", "0"),
        ("MORAG_COMPILE_CPU_SECONDS", "1.5"),
        ("MORAG_COMPILE_CPU_SECONDS", "2h"),
    ] {
        let error = load(None, &[(name, value)]).unwrap_err();
        assert!(error.contains(name) && error.contains(value), "{error}");
    }
}

#[test]
fn a_list_is_taken_only_for_a_setting_that_is_one() {
    for (file, said) in [
        (
            "\nwebhook_secret = [\"5ecret-a\", \"5ecret-b\"]",
            "morag.toml, line 2: webhook_secret: give a string or a number",
        ),
        ("data_dir = [\"a\"]", "morag.toml, line 1: data_dir: give a string or a number"),
        ("openai_api_key = []", "morag.toml, line 1: openai_api_key: give a string or a number"),
        ("role = true", "morag.toml, line 1: role: give a list of strings, or one string with commas"),
        ("role = [[\"all\"]]", "morag.toml, line 1: role: give a list of strings, or one string with commas"),
    ] {
        let error = load(Some(file), &[]).unwrap_err();
        assert!(error.ends_with(said) && !error.contains("5ecret"), "{error}");
    }
    let file = "api_keys = [\"first-key-of-two\", \"second-key-of-two\"]\napi_key_weights = [1, 2]\n\
                fetch_allow_networks = \"10.0.0.0/8, ::1\"\n";
    let config = load(Some(file), &[]).unwrap();
    assert_eq!(config.api_keys, [key("first-key-of-two", 1), key("second-key-of-two", 2)]);
    assert_eq!(config.fetch_allow_networks.len(), 2);
}

#[test]
fn a_key_that_seals_nothing_is_refused_by_its_place_and_not_shown() {
    let error = load(Some("log = \"info\"\nsecrets_key = \"5ecret\""), &[]).unwrap_err();
    assert!(error.contains("morag.toml, line 2: secrets_key cannot be used: a key is 32 random bytes"), "{error}");
    assert!(error.contains("stored already") && !error.contains("5ecret"), "{error}");
    let error = load(None, &[("MORAG_SECRETS_KEY", "5ecret")]).unwrap_err();
    assert!(error.starts_with("MORAG_SECRETS_KEY cannot be used") && !error.contains("5ecret"), "{error}");
    let valid = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    assert_eq!(load(None, &[("MORAG_SECRETS_KEY", valid)]).unwrap().secrets_key, Some(Secret::new(valid)));
}

#[test]
fn an_access_key_and_its_secret_are_set_together() {
    let bucket = ("MORAG_BLOBS_URL", "s3://bucket");
    let error = load(None, &[bucket, ("AWS_ACCESS_KEY_ID", "id")]).unwrap_err();
    assert_eq!(error, "AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not: set both or neither");
    let error = load(Some("s3_secret_access_key = \"5ecret\""), &[bucket]).unwrap_err();
    assert!(error.ends_with("line 1: s3_secret_access_key is set, and AWS_ACCESS_KEY_ID is not: set both or neither"));
    assert!(load(None, &[bucket, ("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "5ecret")]).is_ok());
    assert!(load(None, &[("AWS_ACCESS_KEY_ID", "id")]).is_ok(), "without a bucket it is of others");
}

#[test]
fn further_checks_are_told_with_everything_else() {
    let check = |key| ValueCheck { key, fault: |text| (text == "5ecret").then(|| "cannot be used".to_owned()) };
    let checks = ["openai_base_url", "redis_url", "log"].map(check);
    let environment = [("REDIS_URL".to_owned(), "5ecret".to_owned())].into();
    let sources = Sources { environment, ..Sources::default() };
    let file = "api_port = \"x\"\nopenai_base_url = \"5ecret\"\n";
    let error = Config::checked(&sources, Some(file), &checks).unwrap_err().to_string();
    assert_eq!(
        error.lines().collect::<Vec<_>>(),
        [
            "the settings have 3 errors:",
            "  REDIS_URL cannot be used",
            "  morag.toml, line 1: api_port is \"x\": give a whole number, 0 to 65535",
            "  morag.toml, line 2: openai_base_url cannot be used",
        ]
    );
}

#[test]
fn what_reads_pictures_is_set_within_bounds() {
    let config = load(None, &[]).unwrap();
    assert_eq!(config.ocr.engine, OcrEngine::Model("pp-ocrv6-small".into()));
    assert_eq!((config.ocr.threads.get(), config.ocr.languages), (1, vec!["eng".to_owned()]));
    assert_eq!(config.models_dir, Path::new("./data/models"));
    let file = "ocr = \"tesseract\"\nocr_languages = [\"deu\", \"eng\"]\nocr_threads = 4\nmodels_dir = \"/models\"";
    let config = load(Some(file), &[]).unwrap();
    assert_eq!(config.ocr.engine, OcrEngine::Tesseract);
    assert_eq!((config.ocr.threads.get(), config.ocr.languages), (4, vec!["deu".to_owned(), "eng".to_owned()]));
    assert_eq!(config.models_dir, Path::new("/models"));
    assert_eq!(load(None, &[("MORAG_OCR", "off")]).unwrap().ocr.engine, OcrEngine::Off);
    for (name, value, text) in [
        ("MORAG_OCR_THREADS", "0", "a whole number, 1 to 64"),
        ("MORAG_OCR_THREADS", "65", "a whole number, 1 to 64"),
        ("MORAG_OCR_LANGUAGES", ",", "1 to 16 languages"),
    ] {
        let error = load(None, &[(name, value)]).unwrap_err();
        assert!(error.contains(name) && error.contains(text), "{error}");
    }
}
