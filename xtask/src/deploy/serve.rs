//! Queries the built binary for its settings, and checks command lines with it.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::findings::Findings;
use crate::shell;

/// Roles of a process.
const ROLES: [&str; 3] = ["api", "worker", "dispatcher"];

/// Minimum time between the end of the drain timeout and the kill, seconds: enough to give back running work on a machine where
/// everything stops at once.
const SPARE_SECONDS: u64 = 20;

/// The built binary.
pub struct Server {
    binary: PathBuf,
    /// Default values by environment variable.
    settings: BTreeMap<String, String>,
}

impl Server {
    /// Reads the settings from the binary.
    pub fn ask(binary: &Path) -> Result<Self> {
        let table = shell::read(Command::new(binary).args(["config", "table"]))
            .context("the deployment files are checked against the binary; build it first: cargo build --bin morag")?;
        let settings = settings(&table);
        ensure!(settings.contains_key("MORAG_DRAIN_TIMEOUT"), "`morag config table` printed no settings:\n{table}");
        Ok(Self { binary: binary.to_owned(), settings })
    }

    /// Whether an environment variable is a setting.
    pub fn has(&self, variable: &str) -> bool {
        self.settings.contains_key(variable)
    }

    /// Checks a command line of `morag` and the time that its process has to stop. `drain`: MORAG_DRAIN_TIMEOUT, if the
    /// file sets it.
    pub fn check(
        &self,
        place: &str,
        args: &[&str],
        drain: Option<&str>,
        stop_seconds: Option<u64>,
        findings: &mut Findings,
    ) {
        // `--help` succeeds only if all preceding arguments are valid.
        let output = Command::new(&self.binary).args(args).arg("--help").output();
        let understood = args.first() == Some(&"serve") && output.is_ok_and(|output| output.status.success());
        findings.expect(understood, place, format_args!("`morag {}` is not a valid command line", args.join(" ")));
        let value = |flag| args.iter().position(|arg| *arg == flag).and_then(|at| args.get(at + 1)).copied();
        if let Some(role) = value("--role") {
            findings.expect(ROLES.contains(&role), place, format_args!("there is no role {role:?}"));
        }
        let default = self.settings.get("MORAG_DRAIN_TIMEOUT").map(String::as_str);
        let drain = value("--drain-timeout").or(drain).or(default).and_then(|text| text.parse::<u64>().ok());
        match drain.zip(stop_seconds) {
            None => findings.add(place, "the drain timeout and the time to stop must be given in whole seconds"),
            Some((drain, stop)) if stop < drain + SPARE_SECONDS => findings.add(
                place,
                format_args!(
                    "it drains for {drain} s and is killed after {stop} s: the latter must be {SPARE_SECONDS} s longer"
                ),
            ),
            Some(_) => {}
        }
    }
}

/// Parses the table rows: | `key` | `ENV` | default | … |
fn settings(table: &str) -> BTreeMap<String, String> {
    let row = |line: &str| {
        let mut cells = line.split('|').map(|cell| cell.trim().trim_matches('`').to_owned());
        let (env, default) = (cells.nth(2)?, cells.next()?);
        let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        (!env.is_empty() && env.chars().all(is_name)).then_some((env, default))
    };
    table.lines().filter_map(row).collect()
}

#[cfg(test)]
pub fn sample() -> Server {
    // `true` accepts any arguments.
    let settings = settings(
        "| `morag.toml` | environment | default | what it is |\n|---|---|---|---|\n\
         | `drain_timeout` | `MORAG_DRAIN_TIMEOUT` | `10` | Text. |\n| `api_port` | `API_PORT` | `8000` | Text. |",
    );
    Server { binary: "true".into(), settings }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(args: &[&str], drain: Option<&str>, stop: Option<u64>) -> Vec<String> {
        let mut findings = Findings::default();
        sample().check("a", args, drain, stop, &mut findings);
        findings.0
    }

    #[test]
    fn the_table_gives_names_and_defaults() {
        let server = sample();
        assert!(server.has("API_PORT") && server.has("MORAG_DRAIN_TIMEOUT") && !server.has("API_HOST"));
        assert_eq!(server.settings["API_PORT"], "8000");
    }

    #[test]
    fn a_process_has_time_to_drain() {
        assert!(findings(&["serve"], None, Some(30)).is_empty());
        assert_eq!(findings(&["serve"], None, Some(29)).len(), 1);
        assert_eq!(findings(&["serve"], None, None).len(), 1);
        assert_eq!(findings(&["serve"], Some("60"), Some(70)).len(), 1);
        assert!(findings(&["serve", "--drain-timeout", "5"], Some("60"), Some(25)).is_empty());
    }

    #[test]
    fn roles_and_commands_exist() {
        assert!(findings(&["serve", "--role", "worker"], None, Some(90)).is_empty());
        assert_eq!(findings(&["serve", "--role", "boss"], None, Some(90)).len(), 1);
        assert_eq!(findings(&["listen"], None, Some(90)).len(), 1);
        let mut refused = Findings::default();
        let server = Server { binary: "false".into(), ..sample() };
        server.check("a", &["serve"], None, Some(90), &mut refused);
        assert_eq!(refused.0, ["deploy/a: `morag serve` is not a valid command line"]);
    }
}
