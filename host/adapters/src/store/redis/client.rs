//! The Redis that stores share: what every call passes, and calls that wait for a replica.

use super::format::Gate;
use super::link::call::Call;
use super::link::connection::Connection;
use super::link::url::RedisUrl;
use super::replicas::{Covered, Replicas};
use morag_core::ports::StoreError;
use redis::{Cmd, FromRedisValue, TlsCertificates};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// A Redis: single server, Cluster or Sentinel, over connections that are replaced where they broke.
pub struct Redis {
    pub(super) connection: Arc<Connection>,
    /// For calls that wait for a replica (`replication`): a server answers nothing else on a connection that waits. It
    /// connects when it is first used.
    pub(super) waiting: Connection,
    /// What every call passes, once a store was opened over this connection.
    gate: Mutex<Option<Arc<Gate>>>,
    /// Where replicas are.
    pub(super) replicas: Replicas,
}

impl Redis {
    /// Connects, to report at once what cannot work. `ca_file`: certificates (PEM) that vouch for the servers, in place of the
    /// machine's.
    pub async fn connect(url: RedisUrl, ca_file: Option<&Path>) -> Result<Arc<Self>, StoreError> {
        let certificates = match ca_file {
            None => None,
            Some(path) => {
                let root = std::fs::read(path).map_err(|error| {
                    StoreError::Unavailable(format!("cannot read the certificates in {}: {error}", path.display()))
                })?;
                Some(TlsCertificates { client_tls: None, root_cert: Some(root) })
            }
        };
        let connection = |certificates| {
            Connection::new(url.clone(), certificates)
                .map_err(|error| StoreError::Unavailable(format!("cannot use {url}: {error}")))
        };
        let this = Self::over(connection(certificates.clone())?, connection(certificates)?, Covered::Nothing);
        this.connection.connect().await?;
        Ok(this)
    }

    /// One that gives these answers, each a number of times. `has_replica`: writes wait for one.
    #[cfg(any(test, fuzzing))]
    pub fn with_answers(answers: Vec<(redis::Value, usize)>, has_replica: bool) -> redis::RedisResult<Arc<Self>> {
        let answers = super::link::canned::CannedAnswers::new(answers);
        let covered = if has_replica { Covered::All } else { Covered::Nothing };
        Ok(Self::over(Connection::canned(answers.clone())?, Connection::canned(answers)?, covered))
    }

    fn over(connection: Connection, waiting: Connection, covered: Covered) -> Arc<Self> {
        let replicas = Replicas::default();
        replicas.set(covered);
        Arc::new(Self { connection: Arc::new(connection), waiting, gate: Mutex::default(), replicas })
    }

    /// Every call from now on passes this gate, which knows the store's format.
    pub(super) fn set_gate(&self, gate: Arc<Gate>) {
        *self.gate.lock().unwrap_or_else(PoisonError::into_inner) = Some(gate);
    }

    /// An error where this process does not support the store's format.
    pub(super) async fn check_format(&self) -> Result<(), StoreError> {
        let gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match gate {
            Some(gate) => gate.check(&self.connection).await,
            None => Ok(()),
        }
    }

    /// Runs a script. `Unavailable` where Redis did not answer in time; the script may have run nevertheless.
    pub(super) async fn call<T: FromRedisValue>(&self, call: impl Into<Call>) -> Result<T, StoreError> {
        self.check_format().await?;
        self.connection.call(call).await
    }

    /// Sends a command that may be repeated.
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        self.check_format().await?;
        self.connection.query(command).await
    }

    /// Answers when every node does.
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        self.query::<String>(&redis::cmd("PING")).await.map(drop)
    }
}
