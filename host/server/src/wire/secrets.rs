//! The key that credentials of named endpoints are stored with.

use crate::config::Config;
use crate::endpoints::seal::Sealer;
use anyhow::Context as _;
use morag_core::Secret;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Name of the key's file in the data folder.
const FILE: &str = "secrets.key";

/// The sealer of the key that is set; with the embedded store, of one that is made and kept in the data folder where none is.
/// On Redis a key in one machine's folder would be of no use to the others, so there is none then.
pub(super) fn sealer(config: &Config) -> anyhow::Result<Option<Sealer>> {
    let key = match (&config.secrets_key, &config.redis) {
        (Some(key), _) => key.clone(),
        (None, None) => kept(&config.data_dir.join(FILE))?,
        (None, Some(_)) => {
            tracing::warn!(
                "MORAG_SECRETS_KEY is not set: the webhook_auth_token of a task is stored in Redis unencrypted until its last \
                 delivery, and named webhook endpoints cannot be created. Set it to the same 32 random bytes \
                 (openssl rand -base64 32) on every process"
            );
            return Ok(None);
        }
    };
    Sealer::new(&key).map(Some).context("MORAG_SECRETS_KEY cannot be used")
}

fn kept(path: &Path) -> anyhow::Result<Secret> {
    let unusable = || format!("{} cannot be used: set MORAG_SECRETS_KEY, or mend the data folder", path.display());
    match fs::read_to_string(path) {
        Ok(key) => return Ok(Secret::new(key)),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(unusable),
    }
    let key = Sealer::generate()?;
    // Written whole or not at all: half a key would lock out what was sealed with it.
    let part = path.with_extension("part");
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all(key.expose().as_bytes())?;
        file.sync_all()?;
        fs::rename(&part, path)
    };
    write().with_context(unusable)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_key_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let first = kept(&path).unwrap();
        assert_eq!(kept(&path).unwrap(), first);
        assert!(Sealer::new(&first).is_ok());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
