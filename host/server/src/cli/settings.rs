//! The settings of a server: those of the engine, with the checks of what only adapters and the log can read, and the variables of traces.

use crate::{telemetry, wire};
use anyhow::anyhow;
use morag_engine::config::{Config, ConfigError, Sources, ValueCheck};

/// Reads the settings and checks all that needs no connection. Everything that is wrong is told at once.
///
/// # Errors
/// The settings cannot be used, or a variable of OpenTelemetry.
pub(super) fn load(sources: &Sources<'_>) -> anyhow::Result<Config> {
    told(Config::load_checked(sources, &checks()), telemetry::check())
}

fn checks() -> Vec<ValueCheck> {
    let log = ValueCheck { key: "log", fault: telemetry::filter_fault };
    wire::CHECKS.into_iter().chain([log]).collect()
}

/// Both errors in one.
fn told(settings: Result<Config, ConfigError>, traces: anyhow::Result<()>) -> anyhow::Result<Config> {
    match (settings, traces) {
        (Ok(config), Ok(())) => Ok(config),
        (Err(error), Ok(())) => Err(error.into()),
        (Ok(_), Err(of_traces)) => Err(of_traces),
        (Err(error), Err(of_traces)) => Err(anyhow!("{error}\n{of_traces:#}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn error(folder: &Path, file: &str, environment: &[(&str, &str)]) -> String {
        let path = folder.join("morag.toml");
        std::fs::write(&path, file).unwrap();
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let sources = Sources { file: Some(&path), environment, ..Sources::default() };
        let error = Config::load_checked(&sources, &checks()).map(|_| ()).expect_err("it is wrong").to_string();
        error.replace(&format!("{}/", folder.display()), "")
    }

    #[test]
    fn what_would_stop_the_start_is_told_at_once_with_its_place_and_without_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let file = "secrets_key = \"5ecret\"\nredis_url = \"http://user:5ecret@host\"\n\
                    openai_base_url = \"https://user:5ecret@host/v1\"\nlog = \"info,morag_engine=loud\"\n";
        let error = error(folder.path(), file, &[("OPENAI_API_KEY", "5ecret\u{7f}key")]);
        let told: Vec<_> = error.lines().collect();
        let expected = [
            "the settings have 5 errors:",
            "  OPENAI_API_KEY cannot be used: it has characters",
            "  morag.toml, line 1: secrets_key cannot be used: a key is 32 random bytes",
            "  morag.toml, line 2: redis_url is not the address of a Redis",
            "  morag.toml, line 3: openai_base_url cannot be used: give one like https://api.openai.com/v1",
            "  morag.toml, line 4: log is \"info,morag_engine=loud\", which is no filter",
        ];
        assert_eq!(told.len(), expected.len(), "{error}");
        assert!(told.iter().zip(expected).all(|(told, expected)| told.starts_with(expected)), "{error}");
        assert!(!error.contains("5ecret"), "{error}");
    }

    #[test]
    fn a_value_of_the_environment_is_told_by_its_variable() {
        let folder = tempfile::tempdir().unwrap();
        for (name, value) in [
            ("REDIS_URL", "redis://"),
            ("OPENAI_BASE_URL", "https://host/v1?key=5ecret"),
            ("RUST_LOG", "morag=loud"),
            ("MORAG_SECRETS_KEY", "00"),
        ] {
            let error = error(folder.path(), "", &[(name, value)]);
            assert!(error.starts_with(&format!("{name} ")) && !error.contains("5ecret"), "{error}");
        }
    }

    #[test]
    fn errors_of_settings_and_of_traces_are_told_together() {
        let settings = || Config::of(&Sources::default(), Some("api_port = \"x\""));
        let traces = || Err(anyhow!("OTEL_TRACES_SAMPLER is wrong"));
        let error = told(settings(), traces()).unwrap_err().to_string();
        assert!(error.contains("line 1: api_port") && error.contains("\nOTEL_TRACES_SAMPLER"), "{error}");
        assert!(told(settings(), Ok(())).unwrap_err().to_string().ends_with("0 to 65535"));
        let valid = || Config::of(&Sources::default(), None);
        assert_eq!(told(valid(), traces()).unwrap_err().to_string(), "OTEL_TRACES_SAMPLER is wrong");
        assert!(told(valid(), Ok(())).is_ok());
    }
}
