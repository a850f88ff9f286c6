//! Snapshots of what people read of a command line or of settings that are wrong.

use super::Cli;
use clap::Parser as _;
use morag_engine::config::{Config, Sources};

/// The error of a command line, with its exit code.
fn command_line_error(arguments: &str) -> String {
    let error = Cli::try_parse_from(arguments.split(' ')).map(|_| ()).expect_err("it is wrong");
    format!("$ {arguments}\nexit code {}\n{error}", error.exit_code())
}

#[test]
fn command_lines_that_are_wrong() {
    let errors = [
        "morag nonsense",
        "morag serve --nonsense",
        "morag submit",
        "morag status",
        "morag history 6f1c2d0e-9f0b-4b7e-8a39-1f4f5a0c7d11 --order sideways",
        "morag trigger task_completed --to",
    ];
    insta::assert_snapshot!("command_lines_that_are_wrong", errors.map(command_line_error).join("\n"));
}

/// What `morag serve` prints that cannot start with these settings.
fn settings_error(environment: &[(&str, &str)], morag_toml: &str) -> String {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let loaded = Config::of(&Sources { environment, ..Sources::default() }, Some(morag_toml));
    let error = loaded.map(|_| ()).expect_err("it is wrong");
    format!("morag: {:#}", anyhow::Error::new(error))
}

#[test]
fn settings_that_are_wrong() {
    let errors = [
        settings_error(&[("API_HOST", "0.0.0.0")], ""),
        settings_error(&[("API_PORT", "many")], ""),
        settings_error(&[("MORAG_ROLE", "worker")], ""),
        settings_error(&[("WEBHOOK_ALLOW_NETWORKS", "10.0.0.0/99")], ""),
        settings_error(&[], "this is no TOML"),
    ];
    insta::assert_snapshot!("settings_that_are_wrong", errors.join("\n\n"));
}
