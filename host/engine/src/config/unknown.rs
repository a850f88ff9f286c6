//! Warns of environment variables that look like settings and are not: a misspelt setting would be ignored silently.

use super::settings::SETTINGS;
use super::sources::Written;

/// Prefix of our variables.
const PREFIX: &str = "MORAG_";

/// Prefixes of names that are looked at: ours, and that of the contract's settings of webhooks. Its other names have prefixes that
/// programs beside us use too (`API_`, `REDIS_`, `OPENAI_`).
const PREFIXES: [&str; 2] = [PREFIX, "WEBHOOK_"];

/// Variables of other commands, which may be in the same environment.
const OF_COMMANDS: [&str; 4] = ["MORAG_SERVER", "MORAG_API_KEY", "MORAG_WEBHOOK_AUTH_TOKEN", "MORAG_TOOLS_DIR"];

/// Prefix of variables of our tests.
const OF_TESTS: &str = "MORAG_TEST_";

/// Largest number of warnings.
const WARNED_MAX: usize = 10;

/// Warnings for the unknown variables.
pub(super) fn warnings(written: &Written<'_>) -> Vec<String> {
    let of_others = |name: &str, value: &str| {
        OF_COMMANDS.contains(&name)
            || name.starts_with(OF_TESTS)
            || is_of_kubernetes(name, value)
            || written.names_variable(name)
    };
    let is_setting = |name: &str| SETTINGS.iter().any(|setting| setting.env == name);
    let looks_ours = |name: &str| PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    let ours = written.variables().filter(|(name, _)| looks_ours(name) && !is_setting(name));
    let unknown = ours.filter(|(name, value)| !value.trim().is_empty() && !of_others(name, value));
    unknown.take(WARNED_MAX).map(|(name, _)| text(name)).collect()
}

fn text(name: &str) -> String {
    let shown = morag_core::shown(name);
    match nearest(name) {
        Some(meant) => format!("{shown} is not a setting and has no effect: did you mean {meant}?"),
        None => format!("{shown} is not a setting and has no effect: `morag config table` lists them all"),
    }
}

/// Kubernetes sets the addresses of the services beside a process in its environment, by their names: `MORAG_SERVICE_HOST`,
/// `MORAG_PORT=tcp://…`, `MORAG_PORT_8000_TCP_ADDR`.
fn is_of_kubernetes(name: &str, value: &str) -> bool {
    let after_port = name.split_once("_PORT_").map(|(_, rest)| rest);
    name.contains("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || after_port.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
        || ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme))
}

/// The setting that was probably meant; many have no `MORAG_` prefix.
fn nearest(name: &str) -> Option<&'static str> {
    let bare = name.strip_prefix(PREFIX).unwrap_or(name);
    let of_key = |key: &str| key.eq_ignore_ascii_case(bare);
    if let Some(setting) = SETTINGS.iter().find(|setting| setting.env == bare || of_key(setting.key)) {
        return Some(setting.env);
    }
    // Without the prefix, which would count for a likeness that is none.
    let bare_of = |setting: &super::Setting| setting.env.strip_prefix(PREFIX).unwrap_or(setting.env);
    let near = morag_input::nearest(bare, SETTINGS.iter().map(bare_of))?;
    SETTINGS.iter().find(|setting| bare_of(setting) == near).map(|setting| setting.env)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suggestion_is_the_nearest_setting() {
        for (name, meant) in [
            ("MORAG_REDIS_URL", Some("REDIS_URL")),
            ("MORAG_WEBHOOK_SECRET", Some("WEBHOOK_SECRET")),
            ("MORAG_DISABLE_AFTER_HOURS", None),
            ("MORAG_WEBHOOK_TIMOUT", Some("WEBHOOK_TIMEOUT")),
            ("MORAG_API_PORT", Some("API_PORT")),
            ("MORAG_APIKEYS", Some("MORAG_API_KEYS")),
            ("MORAG_DATADIR", Some("MORAG_DATA_DIR")),
            ("MORAG_BLOB_URL", Some("MORAG_BLOBS_URL")),
            ("MORAG_S3_REGION", Some("AWS_REGION")),
            ("MORAG_FOO", None),
            ("WEBHOOK_TIMOUT", Some("WEBHOOK_TIMEOUT")),
            ("WEBHOOK_SITE_URL", None),
            ("MORAG_", None),
        ] {
            assert_eq!(nearest(name), meant, "{name}");
        }
    }

    #[test]
    fn kubernetes_service_variables_are_not_warned_of() {
        assert!(
            is_of_kubernetes("MORAG_SERVICE_HOST", "10.0.0.1") && is_of_kubernetes("MORAG_API_SERVICE_PORT_HTTP", "80")
        );
        assert!(
            is_of_kubernetes("MORAG_PORT", "tcp://10.0.0.1:80") && is_of_kubernetes("MORAG_PORT_80_TCP_PROTO", "tcp")
        );
        assert!(!is_of_kubernetes("MORAG_API_PORT", "8000") && !is_of_kubernetes("MORAG_PORTS_8", "8000"));
    }
}
