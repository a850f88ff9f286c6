//! The endpoints of the store and of `morag.toml`, at hand.
//!
//! What is stored is read again when its revision has changed: before a task is accepted, because a client that has created
//! an endpoint expects its next task to be told to it; and every [`STALE_MAX`] by those who deliver.

use super::seal::{SealError, Sealer};
use morag_core::ports::{EndpointSet, Endpoints, PutEndpointError, StoreError};
use morag_core::task::{TaskRecord, TenantId};
use morag_core::webhook::{Credentials, DisabledReason, EndpointId, NamedEndpoint};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::Instant;

/// How old what is known may be for a delivery. A change made in another process counts from then on.
const STALE_MAX: Duration = Duration::from_secs(1);

/// Times an update is tried against others' before it is given up.
const UPDATES_MAX: usize = 8;

/// An endpoint with its credentials.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// The endpoint.
    pub endpoint: NamedEndpoint,
    /// Its credentials, or why they cannot be read.
    pub credentials: Result<Credentials, SealError>,
    /// Whether it is of `morag.toml`: then its settings cannot be changed over HTTP.
    pub is_configured: bool,
}

/// An endpoint of `morag.toml`.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfiguredEndpoint {
    /// Its settings; what is stored of it is its state. Version 0, so that its first change is stored as version 1.
    pub endpoint: NamedEndpoint,
    /// Its credentials.
    pub credentials: Credentials,
}

/// The endpoints, as they were known at a time.
#[derive(Debug)]
pub struct EndpointSnapshot {
    revision: Option<u64>,
    read_at: Instant,
    endpoints: Arc<BTreeMap<EndpointId, Arc<Opened>>>,
}

impl EndpointSnapshot {
    /// All endpoints, in the order of their ids.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Opened>> {
        self.endpoints.values()
    }

    /// A tenant's endpoints, in the order of their names.
    pub fn of(&self, tenant: &TenantId) -> impl Iterator<Item = &Arc<Opened>> {
        self.all().filter(move |opened| opened.endpoint.id.is_of(tenant))
    }

    /// An endpoint.
    pub fn get(&self, id: &EndpointId) -> Option<&Arc<Opened>> {
        self.endpoints.get(id)
    }

    /// Those that a task which is accepted now is for.
    pub fn chosen_by(&self, record: &TaskRecord) -> Vec<EndpointId> {
        let metadata = std::cell::OnceCell::new();
        let read = || metadata.get_or_init(|| record.metadata.to_object());
        let chosen = self.all().filter(|opened| opened.endpoint.chooses(record, read));
        chosen.map(|opened| opened.endpoint.id.clone()).collect()
    }
}

/// Why an endpoint could not be updated.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// There is none.
    #[error("there is no such endpoint")]
    Unknown,
    /// Others changed it each time.
    #[error("the endpoint is being changed by others: try again")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why nothing can be sealed now.
#[derive(Debug, thiserror::Error)]
pub enum SealingError {
    /// What is stored is sealed with another process's key.
    #[error("what is stored is sealed with another key: give every process the same MORAG_SECRETS_KEY")]
    OtherKey,
    /// The system gives no random numbers.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The endpoints of this server.
pub struct Registry {
    store: Arc<dyn Endpoints>,
    sealer: Option<Sealer>,
    configured: Vec<ConfiguredEndpoint>,
    known: RwLock<Arc<EndpointSnapshot>>,
    /// Held while the endpoints are read for those who deliver.
    reading: tokio::sync::Mutex<()>,
    /// Whether the store has a proof of the sealer's key.
    is_proven: AtomicBool,
}

impl Registry {
    /// With nothing read yet but what is configured. Without a sealer no endpoint can be created.
    pub fn new(store: Arc<dyn Endpoints>, sealer: Option<Sealer>, configured: Vec<ConfiguredEndpoint>) -> Self {
        let endpoints = open(&configured, sealer.as_ref(), Vec::new());
        let known = RwLock::new(Arc::new(EndpointSnapshot { revision: None, read_at: Instant::now(), endpoints }));
        Self {
            store,
            sealer,
            configured,
            known,
            reading: tokio::sync::Mutex::default(),
            is_proven: AtomicBool::new(false),
        }
    }

    /// What seals credentials; none where no key is set.
    pub fn sealer(&self) -> Option<&Sealer> {
        self.sealer.as_ref()
    }

    /// What seals records of the store, whichever they are: once this answers, the store has a proof of the key, and a process
    /// that is started with another is refused. None where no key is set.
    pub async fn sealing(&self) -> Result<Option<&Sealer>, SealingError> {
        let Some(sealer) = &self.sealer else { return Ok(None) };
        if self.is_proven.load(Ordering::Acquire) {
            return Ok(Some(sealer));
        }
        let stands = match self.store.seal_proof().await? {
            Some(stored) => stored,
            None => self.store.put_seal_proof(None, &sealer.proof()?).await?,
        };
        if !sealer.proves(&stands) {
            return Err(SealingError::OtherKey);
        }
        self.is_proven.store(true, Ordering::Release);
        Ok(Some(sealer))
    }

    /// Whether the store's proof is of this process's key: then nothing opens what this key does not.
    pub async fn has_the_stores_key(&self) -> Result<bool, StoreError> {
        let Some(sealer) = &self.sealer else { return Ok(false) };
        Ok(self.store.seal_proof().await?.is_some_and(|proof| sealer.proves(&proof)))
    }

    /// The port behind it.
    pub fn store(&self) -> &Arc<dyn Endpoints> {
        &self.store
    }

    /// The endpoints as they are now.
    pub async fn fresh(&self) -> Result<Arc<EndpointSnapshot>, StoreError> {
        let known = self.last_known();
        let (revision, read_at) = (known.revision, Instant::now());
        let fresh = match self.store.endpoints(revision).await? {
            Some(EndpointSet { revision, endpoints }) => {
                let endpoints = open(&self.configured, self.sealer.as_ref(), endpoints);
                EndpointSnapshot { revision: Some(revision), read_at, endpoints }
            }
            None => EndpointSnapshot { revision, read_at, endpoints: Arc::clone(&known.endpoints) },
        };
        let fresh = Arc::new(fresh);
        let mut current = self.known.write().unwrap_or_else(PoisonError::into_inner);
        // Of two reads at once the later revision stays.
        if current.revision <= fresh.revision {
            *current = Arc::clone(&fresh);
        }
        drop(current);
        Ok(fresh)
    }

    /// The endpoints as they were a second ago at most. Of many who ask at once one reads.
    pub async fn recent(&self) -> Result<Arc<EndpointSnapshot>, StoreError> {
        let is_recent = |known: &EndpointSnapshot| known.revision.is_some() && known.read_at.elapsed() < STALE_MAX;
        let known = self.last_known();
        if is_recent(&known) {
            return Ok(known);
        }
        let _reading = self.reading.lock().await;
        let known = self.last_known();
        if is_recent(&known) { Ok(known) } else { self.fresh().await }
    }

    /// The endpoints as they were when somebody last asked, for metrics.
    pub fn last_known(&self) -> Arc<EndpointSnapshot> {
        // Nothing panics under the lock.
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes what is stored of an endpoint, whoever else does at the same time. `change` says whether it changes
    /// anything; what it does to the version is ignored. The answer is the endpoint as it is stored then.
    pub async fn update(
        &self,
        id: &EndpointId,
        change: impl Fn(&mut NamedEndpoint) -> bool + Send,
    ) -> Result<NamedEndpoint, UpdateError> {
        match self.try_update(id, move |endpoint| Ok::<_, Infallible>(change(endpoint))).await? {
            Ok(endpoint) => Ok(endpoint),
            Err(never) => match never {},
        }
    }

    /// [`Self::update`] with a change that may be refused, which is the inner error: nothing is stored then.
    pub async fn try_update<E: Send>(
        &self,
        id: &EndpointId,
        change: impl Fn(&mut NamedEndpoint) -> Result<bool, E> + Send,
    ) -> Result<Result<NamedEndpoint, E>, UpdateError> {
        for _ in 0..UPDATES_MAX {
            let known = self.fresh().await?;
            let mut endpoint = known.get(id).ok_or(UpdateError::Unknown)?.endpoint.clone();
            let version = endpoint.version;
            match change(&mut endpoint) {
                Ok(true) => {}
                Ok(false) => return Ok(Ok(endpoint)),
                Err(refused) => return Ok(Err(refused)),
            }
            endpoint.version = version + 1;
            match self.store.put_endpoint(&endpoint).await {
                Ok(()) => {
                    self.fresh().await?;
                    return Ok(Ok(endpoint));
                }
                Err(PutEndpointError::Store(error)) => return Err(error.into()),
                Err(_) => {}
            }
        }
        Err(UpdateError::Busy)
    }
}

/// What is stored with its credentials opened; of a configured endpoint only the state is taken from the store. What is stored of
/// one that is configured no more is left out: it was never more than its state.
fn open(
    configured: &[ConfiguredEndpoint],
    sealer: Option<&Sealer>,
    stored: Vec<NamedEndpoint>,
) -> Arc<BTreeMap<EndpointId, Arc<Opened>>> {
    let mut all: BTreeMap<EndpointId, Opened> = BTreeMap::new();
    let is_configured = |id: &EndpointId| configured.iter().any(|one| one.endpoint.id == *id);
    for endpoint in stored.into_iter().filter(|one| !one.sealed.is_empty() || is_configured(&one.id)) {
        let credentials = match sealer {
            Some(sealer) => sealer.open(endpoint.id.as_str(), &endpoint.sealed),
            None => Err(SealError::Unreadable),
        };
        all.insert(endpoint.id.clone(), Opened { endpoint, credentials, is_configured: false });
    }
    for ConfiguredEndpoint { endpoint, credentials } in configured {
        let mut endpoint = endpoint.clone();
        if let Some(Opened { endpoint: stored, .. }) = all.get(&endpoint.id) {
            // What its receiver did is stored; what the operator says is in the file alone.
            let by_receiver = stored.disabled.clone().filter(|disabled| disabled.reason != DisabledReason::Manual);
            let disabled = by_receiver.or(endpoint.disabled);
            endpoint = NamedEndpoint { settings: endpoint.settings, disabled, ..stored.clone() };
        }
        let opened = Opened { endpoint, credentials: Ok(credentials.clone()), is_configured: true };
        all.insert(opened.endpoint.id.clone(), opened);
    }
    Arc::new(all.into_iter().map(|(id, opened)| (id, Arc::new(opened))).collect())
}
