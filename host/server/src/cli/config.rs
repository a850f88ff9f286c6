//! `morag config`: checking, creating and listing settings.

use super::settings;
use crate::wire::service_states;
use anyhow::Context as _;
use clap::{Args, Subcommand};
use morag_core::Secret;
use morag_engine::config::{Config, Sources, default_toml, markdown_table};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Check, create and list settings.
#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check the settings, without starting or connecting to anything
    #[command(after_help = "Examples:\n  \
        morag config check\n  \
        morag config check --config /etc/morag.toml\n\n\
        Exits with 1 if the settings cannot be used. Warnings go to standard error.\n\
        It reads the file, the environment and the variables for traces, and looks whether the model for OCR is there (`ocr`: Tesseract is asked \
        for its languages). The service for transcription is not asked. Whether the steps of [[pipelines]] have components, and \
        whether a step's config is what its component takes, is checked when the server starts.")]
    Check(Check),
    /// Write a settings file with every setting and its default, all commented out
    #[command(after_help = "Examples:\n  \
        morag config init\n  \
        morag config init /etc/morag.toml")]
    Init(Init),
    /// Print every setting as a table
    Table,
}

#[derive(Debug, Args)]
struct Check {
    /// Settings file; by default ./morag.toml, if it exists
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Init {
    /// File to write
    #[arg(default_value = "morag.toml")]
    file: PathBuf,
}

pub(super) fn run(args: ConfigArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        ConfigCommand::Check(Check { config }) => check(config.as_deref())?,
        ConfigCommand::Init(Init { file }) => init(&file)?,
        ConfigCommand::Table => morag_client::line(markdown_table().trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

fn check(file: Option<&Path>) -> anyhow::Result<()> {
    let config = settings::load(&Sources::of_process(file))?;
    for warning in &config.warnings {
        eprintln!("warning: {warning}");
    }
    morag_client::line(summary(&config));
    Ok(())
}

/// What a server with these settings would be, without a secret.
fn summary(config: &Config) -> String {
    let store = if config.redis.is_some() { "Redis".to_owned() } else { config.data_dir.display().to_string() };
    let callers = config.callers.len();
    let [(_, ocr), (_, transcription)] = service_states(config).lines();
    let signed = |secrets: &[Secret]| if secrets.is_empty() { "not signed" } else { "signed" };
    format!(
        "The settings are valid.\n\
         listens on   {}:{}\n\
         roles        {}\n\
         store        {store}\n\
         components   {}\n\
         callers      {callers}\n\
         pipelines    {} of morag.toml\n\
         endpoints    {} of morag.toml\n\
         webhooks     {}\n\
         ocr          {ocr}\n\
         transcribes  {transcription}",
        config.api_host,
        config.api_port,
        config.roles,
        config.plugins_dir.display(),
        config.pipelines.len(),
        config.webhook_endpoints.len(),
        signed(&config.webhook_secrets),
    )
}

/// Never replaces a file: it may have somebody's secrets.
fn init(file: &Path) -> anyhow::Result<()> {
    let shown = file.display();
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // It will hold secrets.
        options.mode(0o600);
    }
    let mut written = options.open(file).with_context(|| format!("cannot create {shown}"))?;
    written.write_all(default_toml().as_bytes()).with_context(|| format!("cannot write {shown}"))?;
    morag_client::line(format!("{shown} has every setting, commented out: remove the # of what you change"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_is_private_valid_and_never_replaces_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("morag.toml");
        init(&file).unwrap();
        let sources = Sources { file: Some(&file), ..Sources::default() };
        assert!(Config::load(&sources).unwrap().warnings.iter().all(|warning| !warning.contains("morag.toml")));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        std::fs::write(&file, "webhook_secret = \"s3cr3t-value-of-somebody\"").unwrap();
        let error = init(&file).unwrap_err();
        assert!(format!("{error:#}").contains("morag.toml"), "{error:#}");
        assert!(std::fs::read_to_string(&file).unwrap().contains("s3cr3t"));
    }

    #[test]
    fn a_summary_shows_no_secret() {
        let file = "webhook_secret = \"s3cr3t-value-of-somebody\"\nredis_url = \"redis://user:pa55word@127.0.0.1\"\n\
                    api_keys = \"k3y-of-somebody-long-enough\"\n";
        let config = Config::of(&Sources::default(), Some(file)).unwrap();
        let shown = summary(&config);
        assert!(shown.contains("callers      1\n"), "{shown}");
        assert!(shown.contains("store        Redis") && shown.contains("webhooks     signed"), "{shown}");
        assert!(shown.contains("\nocr          ") && shown.contains("\ntranscribes  none: "), "{shown}");
        assert!(["s3cr3t", "pa55word", "k3y-of"].iter().all(|secret| !shown.contains(secret)), "{shown}");
    }
}
