//! Names of keys.
//!
//! Tasks are spread over 256 buckets by the first byte of their id, which is random. Every key of a bucket has the bucket's
//! hash tag, so that all of them lie in one slot of a Cluster and one script may change them together.

use morag_core::ports::Queue;
use morag_core::task::{DocumentId, DocumentKey, StatusWord, TaskId, TenantId};

/// Number of buckets: enough that every node of a large Cluster has some, few enough to visit all of them.
pub(super) const BUCKETS: usize = 256;

/// Buckets asked in parallel: enough to hide the round trip to Redis, few enough not to delay other callers.
pub(super) const AT_ONCE: usize = 32;

/// Entries that a bucket's feed keeps at least, for readers who come back: half a million in all, some 30 MB, hours of a busy
/// server. Redis trims whole nodes of the stream, so there may be some 100 more.
pub(super) const FEED_MAX: usize = 2000;

/// A bucket of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Bucket(pub(super) u8);

impl Bucket {
    /// The bucket of a task.
    pub(super) fn of(task: TaskId) -> Self {
        Self(task.as_bytes()[0])
    }

    /// The bucket of a key of the due-queue; none where it is not a valid key.
    pub(super) fn of_key(key: &str) -> Option<Self> {
        let task = key.split_once('/').map_or(key, |(task, _)| task);
        task.parse().ok().map(Self::of)
    }

    /// Every bucket.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).map(Self)
    }
}

impl std::fmt::Display for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "q{:02x}", self.0)
    }
}

/// Every state of a task.
pub(super) const STATUSES: [StatusWord; 5] =
    [StatusWord::Pending, StatusWord::InProgress, StatusWord::Completed, StatusWord::Failed, StatusWord::Cancelled];

/// Redis keys of a bucket's queue.
pub(super) struct QueueKeys {
    pub(super) due: String,
    pub(super) ready: String,
    pub(super) ranks: String,
    pub(super) leases: String,
    pub(super) fences: String,
    pub(super) beside: String,
}

/// The names of keys, all with one prefix.
#[derive(Debug, Clone)]
pub(super) struct Keys(String);

impl Keys {
    /// Keys that begin with a prefix, so that several stores may share a Redis.
    pub(super) fn new(prefix: String) -> Self {
        Self(prefix)
    }

    fn of_task(&self, kind: &str, task: TaskId) -> String {
        format!("{}{kind}:{{{}}}:{task}", self.0, Bucket::of(task))
    }

    fn of_bucket(&self, kind: &str, bucket: Bucket) -> String {
        format!("{}{kind}:{{{bucket}}}", self.0)
    }

    fn of_queue(&self, kind: &str, bucket: Bucket, queue: Queue) -> String {
        let queue = match queue {
            Queue::Tasks => "tasks",
            Queue::Deliveries => "deliveries",
        };
        format!("{}{kind}:{{{bucket}}}:{queue}", self.0)
    }

    /// Hash: the record and the task's state.
    pub(super) fn task(&self, task: TaskId) -> String {
        self.of_task("task", task)
    }

    /// List: events, newest first, one JSON object each (`docs/http-api.md#history-in-redis`).
    pub(super) fn history(&self, task: TaskId) -> String {
        self.of_task("task_history", task)
    }

    /// Hash: cursor to its position.
    pub(super) fn cursors(&self, task: TaskId) -> String {
        self.of_task("task_cursors", task)
    }

    /// Hash: endpoint, delivery and resend to event, state, time of the last move, and a URL of its own.
    pub(super) fn deliveries(&self, task: TaskId) -> String {
        self.of_task("task_deliveries", task)
    }

    /// List: attempts, oldest first.
    pub(super) fn attempts(&self, task: TaskId) -> String {
        self.of_task("task_attempts", task)
    }

    /// String: exists where the task must not be accepted any more.
    pub(super) fn veto(&self, task: TaskId) -> String {
        self.of_task("task_veto", task)
    }

    /// All keys of a bucket's queue.
    pub(super) fn queue(&self, bucket: Bucket, queue: Queue) -> QueueKeys {
        QueueKeys {
            due: self.due(bucket, queue),
            ready: self.ready(bucket, queue),
            ranks: self.ranks(bucket, queue),
            leases: self.leases(bucket, queue),
            fences: self.fences(bucket, queue),
            beside: self.beside(bucket, queue),
        }
    }

    /// Sorted set: keys that come due later, including leased ones, by time.
    pub(super) fn due(&self, bucket: Bucket, queue: Queue) -> String {
        self.of_queue("due", bucket, queue)
    }

    /// Sorted set: keys that are due, by rank.
    pub(super) fn ready(&self, bucket: Bucket, queue: Queue) -> String {
        self.of_queue("ready", bucket, queue)
    }

    /// Hash: key to its rank, where that is not the time since which it is due.
    pub(super) fn ranks(&self, bucket: Bucket, queue: Queue) -> String {
        self.of_queue("ranks", bucket, queue)
    }

    /// Hash: key to the fence of its lease, while it has a holder.
    pub(super) fn leases(&self, bucket: Bucket, queue: Queue) -> String {
        self.of_queue("leases", bucket, queue)
    }

    /// Hash: task to the number of its claims.
    pub(super) fn fences(&self, bucket: Bucket, queue: Queue) -> String {
        self.of_queue("fences", bucket, queue)
    }

    /// Sorted set that orders the keys of [`Self::ready`] in a second way. Cursors by lane, as `LANE`, a line feed and the key; tasks
    /// by the time since which each is due.
    pub(super) fn beside(&self, bucket: Bucket, queue: Queue) -> String {
        let kind = match queue {
            Queue::Tasks => "since",
            Queue::Deliveries => "lanes",
        };
        self.of_queue(kind, bucket, queue)
    }

    /// Sorted set: cursors that wait for their endpoint to be enabled, in the order of their keys.
    pub(super) fn parked(&self, bucket: Bucket) -> String {
        self.of_bucket("parked", bucket)
    }

    /// Sorted set: deliveries of a named endpoint in a state, as `TASK/DELIVERY.RESEND`, by the time of their last move.
    pub(super) fn of_endpoint(&self, bucket: Bucket, state: &str, endpoint: &str) -> String {
        format!("{}:{state}:{endpoint}", self.of_bucket("endpoint", bucket))
    }

    /// Hash: named endpoint to its version, the token of the call that stored it, and its JSON.
    pub(super) fn endpoints(&self) -> String {
        format!("{}endpoints:{{endpoints}}", self.0)
    }

    /// Hash: the endpoints' revision, the revision that the creators are of, the token of the call that removed one last, and the proof
    /// of the key that credentials are sealed with.
    pub(super) fn endpoints_state(&self) -> String {
        format!("{}endpoints:{{endpoints}}:state", self.0)
    }

    /// Hash: named endpoint to its creator, as described in `lua/creators.lua`.
    pub(super) fn endpoint_creators(&self) -> String {
        format!("{}endpoints:{{endpoints}}:creators", self.0)
    }

    /// Hash: links of a chain, as described in `lua/chain.lua`.
    pub(super) fn chain(&self, endpoint: &str, document: &DocumentId) -> String {
        format!("{}chain:{endpoint}:{document}", self.0)
    }

    /// Hash: key of a plugin to its value.
    pub(super) fn key_values(&self, plugin: &str) -> String {
        format!("{}kv:{{kv_{plugin}}}:values", self.0)
    }

    /// Sorted set: keys of a plugin, in byte order.
    pub(super) fn key_value_list(&self, plugin: &str) -> String {
        format!("{}kv:{{kv_{plugin}}}:keys", self.0)
    }

    /// String: bytes of keys and values of a plugin.
    pub(super) fn key_value_bytes(&self, plugin: &str) -> String {
        format!("{}kv:{{kv_{plugin}}}:bytes", self.0)
    }

    /// Sorted set: the latest events as `TASK/SEQUENCE`, by time.
    pub(super) fn recent(&self, bucket: Bucket) -> String {
        self.of_bucket("recent", bucket)
    }

    /// Stream: the latest events as `TASK/SEQUENCE`, in the order of their commit, by the server's time.
    pub(super) fn feed(&self, bucket: Bucket) -> String {
        self.of_bucket("feed", bucket)
    }

    /// Sorted set: tasks in a state, by number.
    pub(super) fn in_status(&self, bucket: Bucket, status: StatusWord) -> String {
        format!("{}:{}", self.of_bucket("tasks", bucket), status.as_str())
    }

    /// Sorted set: all tasks, by number.
    pub(super) fn tasks(&self, bucket: Bucket) -> String {
        self.of_bucket("tasks", bucket)
    }

    /// Sorted set: ended tasks, by the time of their end.
    pub(super) fn ended(&self, bucket: Bucket) -> String {
        self.of_bucket("ended", bucket)
    }

    /// A tenant's own list, in the same slot as that of the default tenant. Scripts name it alike (`lua/tenant.lua`).
    pub(super) fn of_tenant(list: String, tenant: &TenantId) -> String {
        if tenant.is_default() { list } else { format!("{list}:@{tenant}") }
    }

    /// Set: every tenant that has had a task, except the default tenant.
    pub(super) fn tenants(&self) -> String {
        format!("{}fair:{{fair}}:tenants", self.0)
    }

    /// Hash: task to its tenant, except tasks of the default tenant.
    pub(super) fn owners(&self, bucket: Bucket) -> String {
        self.of_bucket("owners", bucket)
    }

    /// Hash: task to the bytes of its files.
    pub(super) fn file_bytes(&self, bucket: Bucket) -> String {
        self.of_bucket("file_bytes", bucket)
    }

    /// Hash: tenant to the bytes of its tasks' files.
    pub(super) fn tenant_bytes(&self, bucket: Bucket) -> String {
        self.of_bucket("tenant_bytes", bucket)
    }

    /// Hash: flow with a daily limit to the day (UTC, since 1970) of its last task, and its number of tasks on that day.
    pub(super) fn days(&self) -> String {
        format!("{}fair:{{fair}}:days", self.0)
    }

    /// Hash, the waiting list: entry to its rank, number, time, the distance of its flow's ranks, and flow.
    pub(super) fn waiting(&self) -> String {
        format!("{}fair:{{fair}}:waiting", self.0)
    }

    /// Hash: flow to the number of its waiting tasks, its next rank, and the rank after the last that has begun.
    pub(super) fn flows(&self) -> String {
        format!("{}fair:{{fair}}:flows", self.0)
    }

    /// String: virtual time, the highest rank that has begun.
    pub(super) fn virtual_time(&self) -> String {
        format!("{}fair:{{fair}}:time", self.0)
    }

    /// String: number of tasks accepted so far.
    pub(super) fn number(&self) -> String {
        format!("{}fair:{{fair}}:number", self.0)
    }

    /// Hash: the task that has an idempotency key, and what the key was answered with.
    pub(super) fn idempotency(&self, key: &str) -> String {
        format!("{}idempotency:{key}", self.0)
    }

    /// Hash: each task that claims a document to its number and state.
    pub(super) fn document(&self, document: &DocumentKey) -> String {
        format!("{}document:{document}", self.0)
    }

    /// Two hashes: the format of the store with the version that wrote it first, and the living processes.
    pub(super) fn format(&self) -> [String; 2] {
        [format!("{}format:{{format}}", self.0), format!("{}format:{{format}}:processes", self.0)]
    }

    /// String: the store's id.
    pub(super) fn identity(&self) -> String {
        format!("{}identity", self.0)
    }

    /// Channel on which every commit with events is published.
    pub(super) fn feed_channel(&self) -> String {
        format!("{}feed", self.0)
    }

    /// Channel of wake-ups.
    pub(super) fn channel(&self) -> String {
        format!("{}wake", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_a_task_and_its_bucket_share_the_hash_tag() {
        let (keys, task) = (Keys::new(String::new()), "7f3c2d0e-9f0b-4b7e-8a39-1f4f5a0c7d11".parse().unwrap());
        assert_eq!(keys.history(task), "task_history:{q7f}:7f3c2d0e-9f0b-4b7e-8a39-1f4f5a0c7d11");
        assert_eq!(keys.due(Bucket::of(task), Queue::Tasks), "due:{q7f}:tasks");
        assert_eq!(Keys::new("a:".into()).recent(Bucket(0)), "a:recent:{q00}");
        assert_eq!(Bucket::all().count(), BUCKETS);
        let recent = |tenant: &str| Keys::of_tenant(keys.recent(Bucket(0)), &tenant.parse().unwrap());
        assert_eq!((recent("default").as_str(), recent("acme").as_str()), ("recent:{q00}", "recent:{q00}:@acme"));
    }
}
