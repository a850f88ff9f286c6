//! `morag key`: creates API keys of callers.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand};
use morag_core::caller::Scope;
use morag_core::task::TenantId;
use morag_engine::config::{check_caller_name, digest_of};
use ring::rand::{SecureRandom as _, SystemRandom};
use std::process::ExitCode;

/// Prefix of every key, so that secret scanners can recognise one in a log or a repository.
const PREFIX: &str = "morag_";

/// Random bytes in a key. 256 bits cannot be guessed, so an unsalted digest of it is safe to store.
const KEY_BYTES: usize = 32;

pub(super) const EXAMPLES: &str = "Examples:\n  \
    morag key new crm\n  \
    morag key new crm --tenant acme --scope submit --scope read";

#[derive(Debug, Args)]
pub(super) struct Key {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Print a new key and its table for morag.toml; the key cannot be shown again
    #[command(after_help = EXAMPLES)]
    New(New),
}

#[derive(Debug, Args)]
struct New {
    /// Name of the caller in the audit log: letters, digits, dots, dashes and underscores
    #[arg(value_parser = name)]
    name: String,
    /// Tenant whose tasks and documents the caller can access
    #[arg(long, default_value = "default")]
    tenant: TenantId,
    /// Permission: submit, read, endpoints or admin; may be repeated
    #[arg(long = "scope", value_name = "SCOPE", value_parser = scope, default_values = ["submit", "read"])]
    scopes: Vec<Scope>,
}

fn name(text: &str) -> Result<String, String> {
    check_caller_name(text).map(|()| text.to_owned())
}

fn scope(text: &str) -> Result<Scope, String> {
    text.parse().map_err(|()| format!("give one of {}", Scope::ALL.map(Scope::as_str).join(", ")))
}

pub(super) fn run(key: Key) -> anyhow::Result<ExitCode> {
    let KeyCommand::New(new) = key.command;
    let mut bytes = [0; KEY_BYTES];
    let drawn = SystemRandom::new().fill(&mut bytes);
    drawn.map_err(|_| anyhow::anyhow!("cannot read random bytes from the operating system"))?;
    morag_client::line(text(&new, &bytes).trim_end());
    Ok(ExitCode::SUCCESS)
}

fn text(new: &New, bytes: &[u8; KEY_BYTES]) -> String {
    let key = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
    let scopes: Vec<_> = new.scopes.iter().map(|scope| format!("{:?}", scope.as_str())).collect();
    format!(
        "# The key, shown only once. The caller sends it as `Authorization: Bearer KEY` or `X-API-Key: KEY`:\n\
         {key}\n\n\
         # Append to morag.toml, after all settings, then restart `morag serve`:\n\
         [[callers]]\n\
         name = {:?}\n\
         key_sha256 = \"{}\"\n\
         tenant = \"{}\"\n\
         scopes = [{}]\n",
        new.name,
        hex::encode(digest_of(key.as_bytes())),
        new.tenant,
        scopes.join(", "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_engine::config::{Config, Sources};

    #[test]
    fn the_printed_table_is_a_caller_with_the_printed_key() {
        let new = New { name: "crm".into(), tenant: "acme".parse().unwrap(), scopes: vec![Scope::Submit, Scope::Read] };
        let text = text(&new, &[7; KEY_BYTES]);
        let key = text.lines().nth(1).unwrap();
        assert!(key.starts_with(PREFIX) && key.len() == PREFIX.len() + 43, "{key}");
        let table = text.split_once("restart `morag serve`:\n").unwrap().1;
        assert!(!table.contains(key));
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("morag.toml");
        std::fs::write(&file, table).unwrap();
        let config = Config::load(&Sources { file: Some(&file), ..Sources::default() }).unwrap();
        let [caller] = config.callers.as_slice() else { panic!("{:?}", config.callers) };
        assert_eq!((caller.name.as_str(), caller.tenant.as_str()), ("crm", "acme"));
        assert_eq!(caller.digest, digest_of(key.as_bytes()));
        assert!(caller.scopes.allow(Scope::Read) && !caller.scopes.allow(Scope::Admin));
    }

    #[test]
    fn a_name_that_the_server_refuses_gets_no_key() {
        for (given, is_taken) in [("crm", true), ("a.b-c_1", true), ("a b", false), ("", false), ("ä", false)] {
            assert_eq!(name(given).is_ok(), is_taken, "{given:?}");
        }
        assert!(name(&"x".repeat(65)).unwrap_err().contains("1 to 64 letters"));
    }
}
