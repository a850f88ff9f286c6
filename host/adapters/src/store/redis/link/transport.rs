//! A connection that was made: to one server, or to the nodes of a Cluster.

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, SingleNodeRoutingInfo, SlotAddr};
use redis::{Cmd, Pipeline, RedisFuture, RedisResult, Value};

#[derive(Clone)]
pub(super) enum Transport {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
    #[cfg(any(test, fuzzing))]
    Canned(super::canned::CannedAnswers),
}

impl Transport {
    fn connection(&mut self) -> &mut (dyn ConnectionLike + Send) {
        match self {
            Self::One(connection) => connection,
            Self::Cluster(connection) => connection,
            #[cfg(any(test, fuzzing))]
            Self::Canned(connection) => connection,
        }
    }

    /// Sends a command.
    pub(super) fn send<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        self.connection().req_packed_command(command)
    }

    /// Sends `count` commands, one after the other, to the one server that has a key. Errors are among the answers.
    pub(super) async fn send_to(&mut self, key: &str, commands: &Pipeline, count: usize) -> RedisResult<Vec<Value>> {
        match self {
            Self::Cluster(connection) => {
                let route = SingleNodeRoutingInfo::SpecificNode(Route::with_key(key, SlotAddr::Master));
                connection.route_pipeline(commands.clone(), 0, count, route).await
            }
            _ => self.connection().req_packed_commands(commands, 0, count).await,
        }
    }
}
