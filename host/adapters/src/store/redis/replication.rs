//! Calls that are answered only when their effect is on a replica too.
//!
//! Replication is asynchronous: a master that dies takes with it what it has acknowledged and not yet passed on. So a call whose
//! result a caller is told is followed by `WAIT` for one replica, on the same connection. The wait is bounded: where no replica
//! confirms within [`REPLICA_MAX`], the call is answered all the same, with a warning, because the master has executed it and is
//! alive. A Redis that must rather refuse then is configured so (`min-replicas-to-write`).
//!
//! Which servers have replicas is read by `setup`. A server without any is never waited for.

use super::client::Redis;
use super::link::call::Call;
use super::link::failure::outcome_unknown;
use morag_core::ports::StoreError;
use redis::{FromRedisValue, Value};
use std::time::Duration;

/// Longest wait for a replica. One in the same region answers within a few milliseconds. An acceptance has 1.7 s in all, and waits
/// in vain at most once.
const REPLICA_MAX: Duration = Duration::from_millis(500);

/// Times that a call is sent with its `WAIT`: a second time after a node has learned the script, or the key's node is found.
const TRIES: u32 = 2;

impl Redis {
    /// [`Redis::call`], answered when a replica has the effect too, where there are replicas.
    pub(super) async fn call_replicated<T: FromRedisValue>(&self, call: impl Into<Call>) -> Result<T, StoreError> {
        let call = call.into();
        if !self.replicas.has(call.key()) {
            return self.call(call).await;
        }
        self.check_format().await?;
        let mut commands = redis::pipe();
        commands.add_command(call.command(true));
        commands.cmd("WAIT").arg(1).arg(REPLICA_MAX.as_millis());
        let (mut answer, mut is_unknown) = (None, false);
        for _ in 0..TRIES {
            let sent = self.waiting.send_to(call.key(), &commands, 2).await;
            match sent.ok().and_then(|answers| <[Value; 2]>::try_from(answers).ok()) {
                Some([Value::ServerError(_), _]) => {}
                None => is_unknown = true,
                Some([value, Value::Int(1..)]) => return self.waiting.read(value),
                Some([value, _]) => {
                    answer = Some(value);
                    break;
                }
            }
            // Without `WAIT`: a node that lacks the script gets it, a node that has not the keys any more names the one that has,
            // and a call that cannot succeed says why.
            let alone = self.waiting.value_of(&call).await;
            answer = Some(alone.map_err(|error| if is_unknown { outcome_unknown(error) } else { error })?);
        }
        self.replicas.set_unresponsive(call.key());
        tracing::warn!(
            redis = self.connection.address(),
            waited_ms = REPLICA_MAX.as_millis() as u64,
            "no replica has confirmed a write: until one does, a failover may lose what was accepted"
        );
        match answer {
            Some(value) => self.connection.read(value),
            None => self.call(call).await,
        }
    }
}
