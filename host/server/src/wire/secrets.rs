//! The key that credentials are stored with.
//!
//! Once something was sealed, the store has a proof of the key. A server that has another key, or none, is not started then: it
//! could read nothing of what is sealed, and would seal what the right key cannot open.

use anyhow::{Context as _, bail};
use morag_core::Secret;
use morag_core::ports::Endpoints;
use morag_core::webhook::NamedEndpoint;
use morag_engine::config::{Config, Role};
use morag_engine::endpoints::seal::Sealer;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Name of the key's file in the data folder.
pub(super) const FILE: &str = "secrets.key";

/// The sealer of the key that is set; with the embedded store, of one that is made and kept in the data folder where none is.
/// On Redis a key in one machine's folder would be of no use to the others, so there is none then.
///
/// # Errors
/// Where the store has what another key has sealed, unless the settings say that it is lost.
pub(super) async fn sealer(config: &Config, endpoints: &dyn Endpoints) -> anyhow::Result<Option<Sealer>> {
    let path = config.data_dir.join(FILE);
    let is_embedded = config.redis.is_none();
    let (key, source) = match &config.secrets_key {
        Some(key) => (Some(key.clone()), "MORAG_SECRETS_KEY".to_owned()),
        None if is_embedded => (kept(&path)?, path.display().to_string()),
        None => {
            tracing::warn!(
                "MORAG_SECRETS_KEY is not set: the webhook_auth_token of a task is stored in Redis unencrypted until its last \
                 delivery, and named webhook endpoints cannot be created. Set it to the same 32 random bytes \
                 (openssl rand -base64 32) on every process"
            );
            (None, "MORAG_SECRETS_KEY".to_owned())
        }
    };
    let sealer = key.map(|key| Sealer::new(&key)).transpose().with_context(|| {
        format!("{source} cannot be used: put the key back that was there, or set MORAG_SECRETS_KEY to it")
    })?;
    // A worker neither seals nor opens anything.
    if !config.roles.has(Role::Api) && !config.roles.has(Role::Dispatcher) {
        return Ok(sealer);
    }
    let proof = endpoints.seal_proof().await?;
    let stored = match &proof {
        Some(_) => Vec::new(),
        // What was sealed before there were proofs.
        None => endpoints.endpoints(None).await?.map(|set| set.endpoints).unwrap_or_default(),
    };
    let verdict = judge(sealer.as_ref(), proof.as_deref(), &stored);
    if matches!(verdict, Verdict::Gone | Verdict::Other) && !config.secrets_key_lost {
        bail!(refusal(&verdict, &source));
    }
    if matches!(verdict, Verdict::Gone | Verdict::Other) {
        tracing::warn!(
            "MORAG_SECRETS_KEY_LOST is set: what was sealed with the key that is lost stays unreadable; rotate the secret of each \
             endpoint (POST …/secret/rotate), and give its token and headers again"
        );
    }
    if let Some(warning) = still_lost(config.secrets_key_lost, verdict) {
        tracing::warn!("{warning}");
    }
    let sealer = match sealer {
        None if is_embedded => Some(make(&path)?),
        sealer => sealer,
    };
    if let (Some(sealer), true) = (&sealer, matches!(verdict, Verdict::Unproven | Verdict::Gone | Verdict::Other)) {
        let stands = endpoints.put_seal_proof(proof.as_deref(), &sealer.proof()?).await?;
        if !sealer.proves(&stands) {
            bail!("another process stored with another key just now: give all of them the same MORAG_SECRETS_KEY");
        }
    }
    Ok(sealer)
}

/// What a key is to what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Nothing is sealed: any key will do, or none.
    Free,
    /// It is the one.
    Right,
    /// It is the one, and the store has no proof of it yet.
    Unproven,
    /// There is none, and something is sealed.
    Gone,
    /// Something is sealed with another.
    Other,
}

/// What is said where a key is called lost that is not.
fn still_lost(is_called_lost: bool, verdict: Verdict) -> Option<&'static str> {
    let is_lost = matches!(verdict, Verdict::Gone | Verdict::Other);
    (is_called_lost && !is_lost).then_some(
        "MORAG_SECRETS_KEY_LOST is still set, and the key is not lost: unset it, or a wrong key is accepted at a later start",
    )
}

/// Compares a key with what is stored: the proof, or the endpoints where there is none yet.
fn judge(sealer: Option<&Sealer>, proof: Option<&str>, stored: &[NamedEndpoint]) -> Verdict {
    let mut sealed = stored.iter().filter(|endpoint| !endpoint.sealed.is_empty()).peekable();
    match (sealer, proof) {
        (None, None) | (Some(_), None) if sealed.peek().is_none() => Verdict::Free,
        (None, _) => Verdict::Gone,
        (Some(sealer), Some(proof)) if sealer.proves(proof) => Verdict::Right,
        (Some(_), Some(_)) => Verdict::Other,
        (Some(sealer), None) => {
            let opens = |one: &NamedEndpoint| sealer.open::<serde_json::Value>(one.id.as_str(), &one.sealed).is_ok();
            if sealed.any(opens) { Verdict::Unproven } else { Verdict::Other }
        }
    }
}

fn refusal(verdict: &Verdict, source: &str) -> String {
    let what = match verdict {
        Verdict::Gone => {
            format!("the key that credentials in the store are sealed with is gone: there is none in {source}")
        }
        _ => format!("credentials in the store are sealed with another key than the one of {source}"),
    };
    format!(
        "{what}. Put the key back that was there (from a backup of the data folder, or of MORAG_SECRETS_KEY), then start again. If it \
         is lost for good, start once with MORAG_SECRETS_KEY_LOST=true: what it sealed stays unreadable, and the secrets of \
         those endpoints must be rotated"
    )
}

/// The key in the file, if there is one.
fn kept(path: &Path) -> anyhow::Result<Option<Secret>> {
    match fs::read_to_string(path) {
        Ok(key) => Ok(Some(Secret::new(key))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| unusable(path)),
    }
}

/// Makes a key and keeps it in the file, in which it survives a loss of power when this returns.
fn make(path: &Path) -> anyhow::Result<Sealer> {
    let key = Sealer::generate()?;
    // Written whole or not at all: half a key would lock out what was sealed with it.
    let part = path.with_extension("part");
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all(key.expose().as_bytes())?;
        file.sync_all()?;
        fs::rename(&part, path)?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().with_context(|| unusable(path))?;
    Ok(Sealer::new(&key)?)
}

fn unusable(path: &Path) -> String {
    format!("{} cannot be used: set MORAG_SECRETS_KEY, or mend the data folder", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use morag_adapters::SystemClock;
    use morag_adapters::store::sqlite::SqliteStore;
    use morag_core::Timestamp;
    use morag_core::webhook::{Credentials, EndpointSettings};
    use morag_engine::config::Sources;
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Arc;

    /// A data folder with its store.
    struct Place {
        folder: tempfile::TempDir,
        store: Arc<SqliteStore>,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = SqliteStore::open(&folder.path().join("morag.db"), Arc::new(SystemClock)).unwrap();
            Self { folder, store }
        }

        async fn start(&self, settings: &[(&str, &str)]) -> Result<Sealer, String> {
            let mut environment = vec![("MORAG_DATA_DIR", self.folder.path().to_str().unwrap())];
            environment.extend(settings);
            let environment = environment.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
            let config = Config::load(&Sources { environment, ..Sources::default() }).unwrap();
            match sealer(&config, &*self.store).await {
                Ok(sealer) => Ok(sealer.unwrap()),
                Err(error) => Err(format!("{error:#}")),
            }
        }

        fn file(&self) -> std::path::PathBuf {
            self.folder.path().join(FILE)
        }

        /// As before there were proofs.
        async fn put_endpoint(&self, sealer: &Sealer) {
            let settings: EndpointSettings =
                serde_json::from_value(serde_json::json!({"url": "https://example.com/"})).unwrap();
            let endpoint = NamedEndpoint {
                id: "ep_a".to_owned().into(),
                settings,
                sealed: sealer.seal("ep_a", &Credentials::default()).unwrap(),
                disabled: None,
                failing_since: None,
                created_at: Timestamp::from_millis(0),
                updated_at: Timestamp::from_millis(0),
                version: 1,
                created_by: None,
            };
            self.store.put_endpoint(&endpoint).await.unwrap();
        }

        async fn prove(&self, sealer: &Sealer) {
            self.store.put_seal_proof(None, &sealer.proof().unwrap()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_key_is_made_once_for_its_owner_alone() {
        let place = Place::new();
        let first = place.start(&[]).await.unwrap();
        assert!(place.start(&[]).await.unwrap().proves(&first.proof().unwrap()));
        assert_eq!(fs::metadata(place.file()).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(place.store.seal_proof().await, Ok(None), "nothing is sealed yet");
    }

    #[tokio::test]
    async fn a_key_that_sealed_nothing_may_go() {
        let place = Place::new();
        let first = place.start(&[]).await.unwrap();
        fs::remove_file(place.file()).unwrap();
        assert!(!place.start(&[]).await.unwrap().proves(&first.proof().unwrap()));
    }

    #[tokio::test]
    async fn without_the_key_of_what_is_sealed_the_start_is_refused_and_no_key_is_made() {
        for is_proven in [true, false] {
            let place = Place::new();
            let first = place.start(&[]).await.unwrap();
            match is_proven {
                true => place.prove(&first).await,
                false => place.put_endpoint(&first).await,
            }
            let key = fs::read(place.file()).unwrap();
            fs::remove_file(place.file()).unwrap();
            let refused = place.start(&[]).await.unwrap_err();
            for part in ["is gone", place.file().to_str().unwrap(), "from a backup", "MORAG_SECRETS_KEY_LOST=true"] {
                assert!(refused.contains(part), "{part} is not in: {refused}");
            }
            assert!(!place.file().exists());
            // Put back, it goes on; what had no proof has one then.
            fs::write(place.file(), key).unwrap();
            assert!(place.start(&[]).await.is_ok());
            assert!(first.proves(&place.store.seal_proof().await.unwrap().unwrap()));
        }
    }

    #[tokio::test]
    async fn with_another_key_than_that_of_what_is_sealed_the_start_is_refused() {
        for is_proven in [true, false] {
            let place = Place::new();
            let first = place.start(&[]).await.unwrap();
            match is_proven {
                true => place.prove(&first).await,
                false => place.put_endpoint(&first).await,
            }
            let other = Sealer::generate().unwrap();
            let refused = place.start(&[("MORAG_SECRETS_KEY", other.expose())]).await.unwrap_err();
            assert!(refused.contains("another key than the one of MORAG_SECRETS_KEY"), "{refused}");
            assert!(!refused.contains(other.expose()));
            fs::write(place.file(), other.expose()).unwrap();
            let refused = place.start(&[]).await.unwrap_err();
            assert!(refused.contains(place.file().to_str().unwrap()), "{refused}");
        }
    }

    #[tokio::test]
    async fn a_key_that_is_lost_is_replaced_when_somebody_says_so() {
        let place = Place::new();
        let first = place.start(&[]).await.unwrap();
        place.prove(&first).await;
        fs::remove_file(place.file()).unwrap();
        let second = place.start(&[("MORAG_SECRETS_KEY_LOST", "true")]).await.unwrap();
        assert!(!second.proves(&first.proof().unwrap()));
        assert!(second.proves(&place.store.seal_proof().await.unwrap().unwrap()));
        assert!(place.start(&[]).await.is_ok(), "from then on it is the key");
    }

    #[test]
    fn a_key_that_is_called_lost_and_is_not_is_warned_of() {
        for verdict in [Verdict::Free, Verdict::Right, Verdict::Unproven] {
            assert!(still_lost(true, verdict).is_some_and(|said| said.contains("unset it")), "{verdict:?}");
            assert_eq!(still_lost(false, verdict), None);
        }
        assert_eq!((still_lost(true, Verdict::Gone), still_lost(true, Verdict::Other)), (None, None));
    }

    #[tokio::test]
    async fn a_file_without_a_key_is_named() {
        let place = Place::new();
        fs::write(place.file(), "").unwrap();
        let refused = place.start(&[]).await.unwrap_err();
        assert!(refused.contains(place.file().to_str().unwrap()) && refused.contains("32 random bytes"), "{refused}");
    }
}
