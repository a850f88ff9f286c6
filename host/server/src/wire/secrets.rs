//! The key that encrypts (seals) stored credentials.
//!
//! Once anything is sealed, the store contains a proof of the key. A server with another key, or none, then refuses to start: it
//! could not read the sealed credentials, and would seal new ones that the original key cannot open.

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

/// Name of the key file in the data folder.
pub(super) const FILE: &str = "secrets.key";

/// The sealer with the configured key. Without one, the embedded store uses the key file in the data folder and creates it if
/// needed; on Redis there is no sealer, because other machines could not use a key in this machine's folder.
///
/// # Errors
/// The store contains credentials sealed with another key, and `MORAG_SECRETS_KEY_LOST` is not set.
pub(super) async fn sealer(config: &Config, endpoints: &dyn Endpoints) -> anyhow::Result<Option<Sealer>> {
    let path = config.data_dir.join(FILE);
    let is_embedded = config.redis.is_none();
    let (key, source) = match &config.secrets_key {
        Some(key) => (Some(key.clone()), "MORAG_SECRETS_KEY".to_owned()),
        None if is_embedded => (read_key(&path)?, path.display().to_string()),
        None => {
            tracing::warn!(
                "MORAG_SECRETS_KEY is not set: the webhook_auth_token of a task is stored in Redis unencrypted until its last \
                 delivery, and named webhook endpoints cannot be created. Set it to the same 32 random bytes \
                 (openssl rand -base64 32) in every process"
            );
            (None, "MORAG_SECRETS_KEY".to_owned())
        }
    };
    let sealer = key.map(|key| Sealer::new(&key)).transpose().with_context(|| {
        let new = if config.secrets_key.is_some() { "give a new one" } else { "remove the file, and one is created" };
        format!(
            "invalid key in {source}: where credentials are stored already, restore the original key, or set MORAG_SECRETS_KEY \
             to it; where none are, {new}"
        )
    })?;
    // Workers do not use the key.
    if !config.roles.has(Role::Api) && !config.roles.has(Role::Dispatcher) {
        return Ok(sealer);
    }
    let proof = endpoints.seal_proof().await?;
    let stored = match &proof {
        Some(_) => Vec::new(),
        // Stores written before proofs existed.
        None => endpoints.endpoints(None).await?.map(|set| set.endpoints).unwrap_or_default(),
    };
    let verdict = check_key(sealer.as_ref(), proof.as_deref(), &stored);
    if matches!(verdict, Verdict::Missing | Verdict::Mismatch) && !config.secrets_key_lost {
        bail!(refusal(&verdict, &source));
    }
    if matches!(verdict, Verdict::Missing | Verdict::Mismatch) {
        tracing::warn!(
            "MORAG_SECRETS_KEY_LOST is set: credentials encrypted with the lost key stay unreadable; rotate the secret of each \
             endpoint (POST …/secret/rotate), and set its token and headers again"
        );
    }
    if let Some(warning) = unneeded_lost_setting(config.secrets_key_lost, verdict) {
        tracing::warn!("{warning}");
    }
    let sealer = match sealer {
        None if is_embedded => Some(create_key(&path)?),
        sealer => sealer,
    };
    if let (Some(sealer), true) = (&sealer, matches!(verdict, Verdict::Unproven | Verdict::Missing | Verdict::Mismatch))
    {
        let stands = endpoints.put_seal_proof(proof.as_deref(), &sealer.proof()?).await?;
        if !sealer.proves(&stands) {
            bail!("another process has just stored another key: set the same MORAG_SECRETS_KEY in every process");
        }
    }
    Ok(sealer)
}

/// How a key relates to the stored credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Nothing is sealed: any key, or none, is valid.
    Unused,
    /// The key matches the proof.
    Match,
    /// The key opens stored credentials, but the store has no proof yet.
    Unproven,
    /// There is no key, but something is sealed.
    Missing,
    /// Something is sealed with another key.
    Mismatch,
}

/// The warning if `MORAG_SECRETS_KEY_LOST` is set although the key is not lost.
fn unneeded_lost_setting(is_called_lost: bool, verdict: Verdict) -> Option<&'static str> {
    let is_lost = matches!(verdict, Verdict::Missing | Verdict::Mismatch);
    (is_called_lost && !is_lost).then_some(
        "MORAG_SECRETS_KEY_LOST is set, but the key is not lost: unset it, or a later start will accept a wrong key",
    )
}

/// Compares a key with the stored proof or, without a proof, with the sealed credentials of the endpoints.
fn check_key(sealer: Option<&Sealer>, proof: Option<&str>, stored: &[NamedEndpoint]) -> Verdict {
    let mut sealed = stored.iter().filter(|endpoint| !endpoint.sealed.is_empty()).peekable();
    match (sealer, proof) {
        (None, None) | (Some(_), None) if sealed.peek().is_none() => Verdict::Unused,
        (None, _) => Verdict::Missing,
        (Some(sealer), Some(proof)) if sealer.proves(proof) => Verdict::Match,
        (Some(_), Some(_)) => Verdict::Mismatch,
        (Some(sealer), None) => {
            let opens = |one: &NamedEndpoint| sealer.open::<serde_json::Value>(one.id.as_str(), &one.sealed).is_ok();
            if sealed.any(opens) { Verdict::Unproven } else { Verdict::Mismatch }
        }
    }
}

fn refusal(verdict: &Verdict, source: &str) -> String {
    let what = match verdict {
        Verdict::Missing => format!("the key that encrypted the stored credentials is missing: {source} has no key"),
        _ => format!("the stored credentials are encrypted with another key than that in {source}"),
    };
    format!(
        "{what}. Restore the original key (from a backup of the data folder or of MORAG_SECRETS_KEY) and start again. If it is \
         lost, start once with MORAG_SECRETS_KEY_LOST=true: credentials encrypted with it stay unreadable, and the secrets of \
         those endpoints must be rotated"
    )
}

/// Reads the key file, if it exists.
fn read_key(path: &Path) -> anyhow::Result<Option<Secret>> {
    match fs::read_to_string(path) {
        Ok(key) => Ok(Some(Secret::new(key))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| unusable(path)),
    }
}

/// Creates a key and writes it to the file. Returns once the file is durable.
fn create_key(path: &Path) -> anyhow::Result<Sealer> {
    let key = Sealer::generate()?;
    // Atomic: credentials sealed with a key that is only partly written could not be opened after a crash.
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
    format!("cannot access {}: set MORAG_SECRETS_KEY, or repair the data folder", path.display())
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
    struct Fixture {
        folder: tempfile::TempDir,
        store: Arc<SqliteStore>,
    }

    impl Fixture {
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

        /// Stores an endpoint without a proof, as versions before proofs existed.
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
        let place = Fixture::new();
        let first = place.start(&[]).await.unwrap();
        assert!(place.start(&[]).await.unwrap().proves(&first.proof().unwrap()));
        assert_eq!(fs::metadata(place.file()).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(place.store.seal_proof().await, Ok(None), "nothing is sealed yet");
    }

    #[tokio::test]
    async fn a_key_that_sealed_nothing_may_go() {
        let place = Fixture::new();
        let first = place.start(&[]).await.unwrap();
        fs::remove_file(place.file()).unwrap();
        assert!(!place.start(&[]).await.unwrap().proves(&first.proof().unwrap()));
    }

    #[tokio::test]
    async fn without_the_key_of_what_is_sealed_the_start_is_refused_and_no_key_is_made() {
        for is_proven in [true, false] {
            let place = Fixture::new();
            let first = place.start(&[]).await.unwrap();
            match is_proven {
                true => place.prove(&first).await,
                false => place.put_endpoint(&first).await,
            }
            let key = fs::read(place.file()).unwrap();
            fs::remove_file(place.file()).unwrap();
            let refused = place.start(&[]).await.unwrap_err();
            for part in ["is missing", place.file().to_str().unwrap(), "from a backup", "MORAG_SECRETS_KEY_LOST=true"] {
                assert!(refused.contains(part), "{part} is not in: {refused}");
            }
            assert!(!place.file().exists());
            // With the key restored the server starts, and the store has a proof.
            fs::write(place.file(), key).unwrap();
            assert!(place.start(&[]).await.is_ok());
            assert!(first.proves(&place.store.seal_proof().await.unwrap().unwrap()));
        }
    }

    #[tokio::test]
    async fn with_another_key_than_that_of_what_is_sealed_the_start_is_refused() {
        for is_proven in [true, false] {
            let place = Fixture::new();
            let first = place.start(&[]).await.unwrap();
            match is_proven {
                true => place.prove(&first).await,
                false => place.put_endpoint(&first).await,
            }
            let other = Sealer::generate().unwrap();
            let refused = place.start(&[("MORAG_SECRETS_KEY", other.expose())]).await.unwrap_err();
            assert!(refused.contains("another key than that in MORAG_SECRETS_KEY"), "{refused}");
            assert!(!refused.contains(other.expose()));
            fs::write(place.file(), other.expose()).unwrap();
            let refused = place.start(&[]).await.unwrap_err();
            assert!(refused.contains(place.file().to_str().unwrap()), "{refused}");
        }
    }

    #[tokio::test]
    async fn a_file_that_holds_no_key_is_refused_with_what_to_do_with_and_without_data() {
        let place = Fixture::new();
        fs::write(place.file(), "5ecret").unwrap();
        let refused = place.start(&[]).await.unwrap_err();
        assert!(refused.contains("restore the original key") && refused.contains("remove the file"), "{refused}");
        assert!(refused.contains(place.file().to_str().unwrap()) && !refused.contains("5ecret"), "{refused}");
        fs::remove_file(place.file()).unwrap();
        assert!(place.start(&[]).await.is_ok());
    }

    #[tokio::test]
    async fn a_lost_key_is_replaced_if_the_setting_says_so() {
        let place = Fixture::new();
        let first = place.start(&[]).await.unwrap();
        place.prove(&first).await;
        fs::remove_file(place.file()).unwrap();
        let second = place.start(&[("MORAG_SECRETS_KEY_LOST", "true")]).await.unwrap();
        assert!(!second.proves(&first.proof().unwrap()));
        assert!(second.proves(&place.store.seal_proof().await.unwrap().unwrap()));
        assert!(place.start(&[]).await.is_ok(), "from then on it is the key");
    }

    #[test]
    fn an_unneeded_lost_setting_causes_a_warning() {
        for verdict in [Verdict::Unused, Verdict::Match, Verdict::Unproven] {
            let warning = unneeded_lost_setting(true, verdict);
            assert!(warning.is_some_and(|text| text.contains("unset it")), "{verdict:?}");
            assert_eq!(unneeded_lost_setting(false, verdict), None);
        }
        for verdict in [Verdict::Missing, Verdict::Mismatch] {
            assert_eq!(unneeded_lost_setting(true, verdict), None);
        }
    }

    #[tokio::test]
    async fn a_file_without_a_key_is_named() {
        let place = Fixture::new();
        fs::write(place.file(), "").unwrap();
        let refused = place.start(&[]).await.unwrap_err();
        assert!(refused.contains(place.file().to_str().unwrap()) && refused.contains("32 random bytes"), "{refused}");
    }
}
