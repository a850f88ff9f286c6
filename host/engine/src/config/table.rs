//! Generates the documentation of the settings.

use super::SETTINGS;
use morag_core::plugin::{Budget, Budgets, Capability};
use std::fmt::Write as _;

/// The README's table.
pub fn markdown_table() -> String {
    let mut table = String::from("| `morag.toml` | environment | default | what it is |\n|---|---|---|---|\n");
    for setting in SETTINGS {
        let default = match (setting.default, setting.default_note) {
            ("", "") => "none".to_owned(),
            ("", note) => note.to_owned(),
            (default, _) => format!("`{default}`"),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(table, "| `{}` | `{}` | {default} | {} |", setting.key, setting.env, setting.doc);
    }
    table
}

/// The text of `config.default.toml`: every setting with its default, commented out.
pub fn default_toml() -> String {
    let mut text = String::from(
        "# Every setting of `morag serve` with its default. Copy to `morag.toml` and remove the `#` of what you change.\n\
         # The environment variable named beside a setting wins over this file.\n",
    );
    for setting in SETTINGS {
        let default = match setting.default {
            number if number.parse::<u64>().is_ok() => number.to_owned(),
            text => format!("\"{text}\""),
        };
        let note = match setting.default_note {
            "" => String::new(),
            note => format!(" Default: {note}."),
        };
        let _ =
            writeln!(text, "\n# {}{note} Environment: {}.\n# {} = {default}", setting.doc, setting.env, setting.key);
    }
    text.push_str(CALLERS);
    text.push_str(PIPELINES);
    text.push_str(ENDPOINTS);
    text.push_str(&plugins());
    text
}

/// The part about callers.
const CALLERS: &str = r#"
# Callers: one such table each, after all settings. `morag key new NAME` prints a key and its table; the key itself is
# nowhere in this file. Keys of `api_keys` are admins of the tenant `default` beside them. docs/callers.md has all of it.
#[[callers]]
#name = "crm"                                 # what the audit log calls it
#key_sha256 = "…"                             # of the key, 64 hexadecimal digits
#tenant = "acme"                              # default: default. Sees nothing of other tenants
#scopes = ["submit", "read"]                  # also endpoints, and admin for all of them
#weight = 1                                   # as in api_key_weights
#collections = ["contracts", "invoices"]      # default: all of the tenant's
#[callers.quotas]                             # each: default none
#waiting_tasks = 100                          # tasks of the caller that wait for a worker
#tasks_per_day = 1000                         # tasks it submits in a day of UTC
#stored_bytes = "10GiB"                       # files of its tenant
#endpoints = 10                               # named endpoints that its tenant has created
#streams = 8                                  # streams of events that the caller reads at once
"#;

/// The part about pipelines.
const PIPELINES: &str = r#"
# Pipelines: one such table each, after all settings, with its steps in order. `ingest`, `process` and `convert` replace the
# standard ones; a request names another by `pipeline`. docs/pipelines.md has all of it.
#[[pipelines]]
#name = "redacted"
#stores = false                               # true: a document's id is taken once; so it is where a step is `ingestion`
#[[pipelines.steps]]
#name = "markdown_conversion"                 # a standard step's name brings its plugin, stage and weight
#[[pipelines.steps]]
#name = "redact"
#plugin = "redact"                            # default: the name
#stage = "content_processing"                 # default: the name
#weight = 5                                   # default: 10
#config = { kinds = ["email", "phone"] }      # as the plugin's schema says: `morag plugin inspect`
#when = { media_type = ["application/pdf", "text/*"], metadata = { confidential = true } }   # all must hold
#on_failure = "fail"                          # or "skip", or { retry = 3, delay = "10s" }
#optional = true                              # left out where its plugin is not loaded; its failure is skipped
#replaces = { "markdown.md" = "redacted.md" } # later steps that read markdown.md get redacted.md
"#;

/// The part about plugins and their registries; [`plugins`] fills in the lists of capabilities and budgets.
const PLUGINS: &str = r#"
# What a step component may do, and where it is: one such table each. Without a table a component of the plugins folder gets
# no capability (the standard step `ingestion` gets embeddings, vectors and graph) and the default limits, which are those
# shown here. docs/distribution.md tells more.
#[[plugins]]
#name = "redact"                               # the name in the component's descriptor
#source = "steps/redact.wasm"                  # or oci://host/name@sha256:…; without it: redact.wasm in plugins_dir
#sha256 = "…"                                  # of a file: another is refused
#public_key = "RW…"                            # of a file: minisign key; redact.wasm.minisig must be beside it
#capabilities = ["kv", "http", "secrets"]      # CAPABILITIES
#secrets = { API_TOKEN = "REDACT_API_TOKEN" }  # name that the step asks for = environment variable that holds 8 bytes or more
#http = [{ host = "api.example.com", port = 443, methods = ["GET", "POST"] }]   # port: 443 or 80; methods: GET and HEAD
#[plugins.limits]                              # of one run
#memory = "512MiB"
#wall_time = "300s"                            # with conversion, ocr or transcription: "2h"
#cpu_time = "300s"                             # with conversion, of the documents inside too: "20m"
#output = "200MiB"
#artifacts = 256
#host_bytes = "2GiB"
#host_calls = 1000000
#http_requests = 100
#log_lines = 1000
#log_bytes = "256KiB"
#[plugins.budgets]                             # of one run, but kv: of the plugin
BUDGETS

# Registries of components that need credentials, or are spoken to without TLS: one such table each. A registry on this
# machine (localhost, 127.0.0.1) needs none.
#[[plugin_registries]]
#host = "registry.example.com:5000"
#username = "morag"
#password_env = "REGISTRY_PASSWORD"            # environment variable; or token_env alone, for a token sent as it is
#insecure = false                              # true: plain HTTP
"#;

/// The part about plugins, with every capability and every budget.
fn plugins() -> String {
    let budget = |budget: Budget| {
        let default = Budgets::default().get(budget);
        let default = if budget.is_bytes() { format!("\"{}\"", size(default)) } else { default.to_string() };
        format!("#{} = {default}", budget.name())
    };
    let budgets = Budget::ALL.map(budget).join("\n");
    PLUGINS.replace("CAPABILITIES", &Capability::ALL.map(Capability::as_str).join(", ")).replace("BUDGETS", &budgets)
}

/// Bytes in the largest unit that divides them.
fn size(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let unit = units.into_iter().find(|(shift, _)| bytes > 0 && bytes.is_multiple_of(1 << shift));
    unit.map_or_else(|| bytes.to_string(), |(shift, name)| format!("{}{name}", bytes >> shift))
}

/// The part about named webhook endpoints.
const ENDPOINTS: &str = r#"
# Named webhook endpoints: one such table each, after all settings. `id`, `url` and `secret` (or `secret_env`, the name of an
# environment variable that holds it) are required; the rest is as in POST /api/v1/webhooks/endpoints.
#[[webhook_endpoints]]
#id = "crm"
#url = "https://crm.example.com/hooks/morag"
#secret_env = "CRM_WEBHOOK_SECRET"
#tenant = "acme"                              # default: default. Gets only events of this tenant
#description = "Tells the CRM of finished documents"
#events = ["task_completed", "task_failed"]   # or patterns: task_*; endpoint_disabled: when another endpoint is disabled
#format = "dual"                              # envelope, flat, morag-ui
#auth_token_env = "CRM_TOKEN"                 # or auth_token
#headers = { x-tenant = "acme" }
#retry = { max_retries = 8, delay_seconds = 5 }
#rate_limit = 20                              # attempts a second
#trace = false                                # deliveries without the header traceparent; default: with it
#filter = { department = "legal" }            # metadata that a task must have
#order = "task"                               # or document
#disabled = false
"#;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tables are in files of the repository")]
mod tests {
    use super::*;
    use std::path::Path;

    /// Compares a part of a file with the generated text; `MORAG_BLESS=1` writes it instead.
    fn same_in_file(path: &Path, expected: &str, markers: Option<(&str, &str)>) {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let (before, found, after) = match markers {
            Some((open, close)) => {
                let from = text.find(open).unwrap_or_else(|| panic!("{} lacks {open}", path.display())) + open.len();
                let to = from + text[from..].find(close).unwrap_or_else(|| panic!("{} lacks {close}", path.display()));
                (&text[..from], &text[from..to], &text[to..])
            }
            None => ("", text.as_str(), ""),
        };
        if std::env::var_os("MORAG_BLESS").is_some() {
            std::fs::write(path, format!("{before}{expected}{after}")).unwrap();
        } else {
            assert_eq!(found, expected, "{} is out of date: MORAG_BLESS=1 cargo test -p morag-engine", path.display());
        }
    }

    #[test]
    fn the_readme_has_every_setting() {
        let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
        let table = format!("\n{}", markdown_table());
        same_in_file(&readme, &table, Some(("<!-- settings -->", "<!-- /settings -->")));
    }

    #[test]
    fn the_example_of_a_plugin_is_valid_and_has_the_defaults() {
        let example: String = plugins().lines().filter(|line| !line.starts_with("# ")).collect::<Vec<_>>().join("\n");
        let example = example.replace("\n#", "\n").replace("sha256 = \"…\"", "").replace("public_key = \"RW…\"", "");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("morag.toml");
        std::fs::write(&path, example).unwrap();
        let environment =
            ["REDACT_API_TOKEN", "REGISTRY_PASSWORD"].map(|name| (name.to_owned(), "5ecret-5ecret".to_owned()));
        let sources =
            crate::config::Sources { file: Some(&path), environment: environment.into(), ..Default::default() };
        let config = crate::config::Config::load(&sources).unwrap();
        let (plugin, registry) = (&config.plugins[0], &config.plugin_registries[0]);
        assert_eq!((&plugin.grant.limits, &plugin.grant.budgets), (&Default::default(), &Default::default()));
        assert_eq!((plugin.grant.capabilities.len(), plugin.grant.http.len(), registry.insecure), (3, 1, false));
    }

    #[test]
    fn the_default_file_has_every_setting_and_is_valid() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.default.toml");
        same_in_file(&path, &default_toml(), None);
        let uncommented: String = default_toml()
            .lines()
            .take_while(|line| !line.starts_with("#[["))
            .map(|line| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or("").to_owned() + "\n")
            .collect();
        let table: toml::Table = uncommented.parse().unwrap();
        assert_eq!(table.len(), SETTINGS.len());
    }
}
