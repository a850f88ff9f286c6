//! The tables `[[plugins]]` and `[[plugin_registries]]`.

use super::*;
use morag_core::plugin::{Budget, Budgets, Capability, Limits, PluginSource, RegistryLogin};

const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

fn refusal(more: &str) -> String {
    let file = format!("[[plugins]]\nname = \"other\"\n[[plugins]]\nname = \"redact\"\n{more}\n");
    load(Some(&file), &[("TOKEN", "5ecret-long"), ("SHORT", "5ecret!")]).unwrap_err()
}

#[test]
fn a_plugins_table_is_its_grant() {
    let file = format!(
        r#"
        [[plugins]]
        name = "redact"
        source = "steps/redact.wasm"
        sha256 = "{digest}"
        public_key = "{KEY}"
        capabilities = ["kv", "http", "secrets"]
        secrets = {{ API_TOKEN = "TOKEN" }}
        http = [{{ host = "API.example.com", port = 8443, methods = ["GET", "POST"] }}, {{ host = "*.example.org" }}]
        limits = {{ memory = "256MiB", wall_time = "1m", cpu_time = 30, artifacts = 4, log_bytes = "128KiB" }}
        budgets = {{ completion_calls = 20, kv_bytes = "1MiB" }}
        [[plugins]]
        name = "ocr"
        source = "oci://127.0.0.1:5000/ocr@sha256:{digest}"
        "#,
        digest = "ab".repeat(32)
    );
    let config = load(Some(&file), &[("TOKEN", " 5ecret-long ")]).unwrap();
    let plugin = &config.plugins[0];
    assert_eq!(plugin.source, Some(PluginSource::File("steps/redact.wasm".into())));
    assert_eq!(
        (plugin.sha256.as_ref().unwrap().as_str(), plugin.public_key.as_deref()),
        (&*"ab".repeat(32), Some(KEY))
    );
    let grant = &plugin.grant;
    assert_eq!(grant.capabilities, [Capability::Kv, Capability::Secrets, Capability::Http].into());
    assert_eq!(grant.secrets["API_TOKEN"], Secret::new("5ecret-long"));
    assert_eq!(
        (grant.http[0].host.as_str(), grant.http[0].port, grant.http[1].port),
        ("api.example.com", Some(8443), None)
    );
    let limits = Limits {
        memory_bytes_max: 256 << 20,
        wall_time_max: Duration::from_secs(60),
        cpu_time_max: Duration::from_secs(30),
        artifacts_max: 4,
        log_bytes_max: 128 << 10,
        ..Limits::default()
    };
    assert_eq!(grant.limits, limits);
    assert_eq!(grant.budgets, Budgets::default().with(Budget::CompletionCalls, 20).with(Budget::KvBytes, 1 << 20));
    assert!(plugin.lists_capabilities && !config.plugins[1].lists_capabilities);
    assert!(config.plugins[1].grant.capabilities.is_empty());
    assert!(!format!("{config:?}").contains("5ecret"));
}

#[test]
fn errors_name_the_path_of_the_key() {
    for (more, path) in [
        ("colour = 1", "plugins[1].colour"),
        ("source = \"oci://ghcr.io/a/b:latest\"", "plugins[1].source: it is not pinned"),
        ("source = \"https://ghcr.io/a.wasm\"", "plugins[1].source"),
        ("sha256 = \"00\"", "plugins[1].sha256"),
        ("public_key = \"5ecret\"", "plugins[1].public_key"),
        ("capabilities = [\"kv\", \"files\"]", "plugins[1].capabilities[1]"),
        ("capabilities = \"kv\"", "plugins[1].capabilities"),
        ("capabilities = [\"secrets\"]\nsecrets = { A = \"NOT_SET\" }", "plugins[1].secrets.A"),
        ("capabilities = [\"secrets\"]\nsecrets = { A = 5 }", "plugins[1].secrets.A"),
        ("secrets = { A = \"TOKEN\" }", "plugins[1].secrets: it has no effect"),
        ("http = [{ host = \"a.example\" }]", "plugins[1].http: it has no effect"),
        ("capabilities = [\"http\"]\nhttp = [{ port = 1 }]", "plugins[1].http[0].host"),
        ("capabilities = [\"http\"]\nhttp = [{ host = \"https://a\" }]", "plugins[1].http[0].host"),
        ("capabilities = [\"http\"]\nhttp = [{ host = \"a:1\" }]", "plugins[1].http[0].host"),
        ("capabilities = [\"http\"]\nhttp = [{ host = \"a*.b\" }]", "plugins[1].http[0].host"),
        ("capabilities = [\"http\"]\nhttp = [{ host = \"*.10\" }]", "plugins[1].http[0].host"),
        ("capabilities = [\"http\"]\nhttp = [{ host = \"*.0.0.1\" }]", "plugins[1].http[0].host"),
        ("capabilities = [\"http\"]\nhttp = [{ host = \"*.[::1]\" }]", "plugins[1].http[0].host"),
        ("capabilities = [\"http\"]\nhttp = [{ host = \"a.1.example.5\" }]", "plugins[1].http[0].host"),
        ("capabilities = [\"http\"]\nhttp = [{ host = \"*.*.example\" }]", "plugins[1].http[0].host"),
        ("capabilities = [\"http\"]\nhttp = [{ host = \"a.example.\" }]", "plugins[1].http[0].host"),
        (
            "capabilities = [\"http\"]\nhttp = [{ host = \"a\", methods = [\"CONNECT\"] }]",
            "plugins[1].http[0].methods[0]",
        ),
        ("capabilities = [\"secrets\"]\nsecrets = { A = \"SHORT\" }", "plugins[1].secrets.A: the variable has fewer"),
        ("capabilities = [\"http\"]\nhttp = [{ host = \"a\", port = 70000 }]", "plugins[1].http[0].port"),
        ("capabilities = [\"http\"]\nhttp = [{ host = \"a\", methods = [\"get\"] }]", "plugins[1].http[0].methods[0]"),
        ("capabilities = [\"http\"]\nhttp = [{ host = \"a\", path = \"/\" }]", "plugins[1].http[0].path"),
        ("limits = { memory = \"8GiB\" }", "plugins[1].limits.memory"),
        ("limits = { wall_time = \"0s\" }", "plugins[1].limits.wall_time"),
        ("limits = { cpu = 1 }", "plugins[1].limits.cpu"),
        ("limits = 1", "plugins[1].limits"),
        ("budgets = { completion_calls = -1 }", "plugins[1].budgets.completion_calls"),
        ("budgets = { kv_bytes = \"much\" }", "plugins[1].budgets.kv_bytes"),
        ("[[plugins]]\nname = \"redact\"", "plugins[2].name"),
        ("[[plugins]]\nname = \"Redact\"", "plugins[2].name"),
        ("[[plugins]]\nsource = \"a\"", "plugins[2].name"),
    ] {
        let error = refusal(more);
        assert!(error.contains(path) && !error.contains("5ecret"), "{more}: {error}");
    }
    let pinned = format!("source = \"oci://h/a@sha256:{}\"", "0".repeat(64));
    let key = format!("{pinned}\npublic_key = \"{KEY}\"");
    assert!(refusal(&key).contains("plugins[1].public_key"), "a registry's is pinned");
    assert!(load(Some("plugins = 1"), &[]).unwrap_err().contains("[[plugins]]"));
}

#[test]
fn hosts_of_rules_have_the_form_of_url_hosts() {
    for (host, canonical) in [
        ("API.Example.com", "api.example.com"),
        ("*.EXAMPLE.org", "*.example.org"),
        ("b\u{fc}cher.example", "xn--bcher-kva.example"),
        ("*.b\u{fc}cher.example", "*.xn--bcher-kva.example"),
        ("[0:0::1]", "::1"),
        ("2001:DB8::0", "2001:db8::"),
        ("127.1", "127.0.0.1"),
        ("my_service", "my_service"),
    ] {
        let file =
            format!("[[plugins]]\nname = \"redact\"\ncapabilities = [\"http\"]\nhttp = [{{ host = \"{host}\" }}]\n");
        let config = load(Some(&file), &[]).unwrap();
        assert_eq!(config.plugins[0].grant.http[0].host, canonical, "{host}");
    }
}

#[test]
fn registry_tables_are_read() {
    let file = "[[plugin_registries]]\nhost = \"r.example:5000\"\nusername = \"me\"\npassword_env = \"TOKEN\"\n\
                [[plugin_registries]]\nhost = \"t.example\"\ntoken_env = \"TOKEN\"\ninsecure = true\n";
    let config = load(Some(file), &[("TOKEN", "5ecret")]).unwrap();
    let password = RegistryLogin::Password { username: "me".into(), password: Secret::new("5ecret") };
    assert_eq!(config.plugin_registries[0].login, Some(password));
    assert_eq!(config.plugin_registries[1].login, Some(RegistryLogin::Token(Secret::new("5ecret"))));
    assert!(config.plugin_registries[1].insecure && !config.plugin_registries[0].insecure);
    assert!(!format!("{config:?}").contains("5ecret"));
    for (more, path) in [
        ("host = \"https://r\"", "plugin_registries[0].host"),
        ("username = \"me\"", "plugin_registries[0].host"),
        ("host = \"r\"\nusername = \"me\"", "plugin_registries[0].username"),
        ("host = \"r\"\npassword_env = \"TOKEN\"", "plugin_registries[0].username"),
        ("host = \"r\"\ntoken_env = \"NOT_SET\"", "plugin_registries[0].token_env"),
        ("host = \"r\"\ntoken = \"5ecret\"", "plugin_registries[0].token"),
        ("host = \"r\"\n[[plugin_registries]]\nhost = \"r\"", "plugin_registries[1].host"),
    ] {
        let error = load(Some(&format!("[[plugin_registries]]\n{more}\n")), &[("TOKEN", "5ecret")]).unwrap_err();
        assert!(error.contains(path) && !error.contains("5ecret"), "{more}: {error}");
    }
}
