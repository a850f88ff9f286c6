//! What a task holds outside its bucket: an idempotency key, a document's id, a place among those that wait.
//!
//! Each is reserved before the task is stored. A process that dies in between leaves a reservation whose task was never
//! stored; who meets one asks [`RedisStore::settle_existence`], after which the task is there or never will be.

use super::keys::Bucket;
use super::scripts;
use super::store::{RedisStore, from_json, strange, token};
use morag_core::JsonObject;
use morag_core::caller::{OverQuota, Quota, next_day};
use morag_core::ports::{AcceptError, CommitError, Flow, Idempotency, StoreError, TaskLimits};
use morag_core::task::{DocumentKey, StatusWord, TaskId, TaskRecord, TenantId};
use std::collections::HashMap;
use std::time::Duration;

/// How long a reservation of another task may stay without the task before it is set aside. Storing takes milliseconds. An
/// acceptance that meets two, of a key and of a document, must still end in time.
const RESERVED_MAX: Duration = Duration::from_millis(500);

/// Between two looks at such a reservation.
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// How long a task that was set aside cannot be stored any more: longer than any call can be under way.
const VETO_KEPT: Duration = Duration::from_secs(3600);

/// An idempotency key as it is stored.
pub(super) struct KeyHolder {
    pub(super) task: TaskId,
    digest: String,
    response: String,
    accepted: bool,
    /// How long it will be remembered yet; zero where that is not known.
    left: Duration,
}

impl KeyHolder {
    fn read(fields: Vec<Option<String>>) -> Result<Option<Self>, StoreError> {
        let [Some(task), Some(digest), Some(response), accepted, left] = <[_; 5]>::try_from(fields).unwrap_or_default()
        else {
            return Ok(None);
        };
        let task = task.parse().map_err(|_| strange(&task))?;
        let left = left.and_then(|left| left.parse().ok()).map_or(Duration::ZERO, Duration::from_millis);
        Ok(Some(Self { task, digest, response, accepted: accepted.is_some(), left }))
    }

    /// The answer, for the same request.
    pub(super) fn answer(&self, digest: &str) -> Result<Option<JsonObject>, StoreError> {
        if self.digest == digest { from_json(&self.response).map(Some) } else { Ok(None) }
    }
}

/// A place among those that wait. The first of a task is known by the task's id. Each that is reserved so that it runs again has a
/// name of its own beside that, so that one retry cannot release the place of another retry of the same task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    task: TaskId,
    /// Empty for the first.
    name: String,
}

impl Place {
    /// Where a new task waits.
    pub(super) fn first(task: TaskId) -> Self {
        Self::stored(task, "")
    }

    /// A new one, where a task waits that runs again.
    pub(super) fn again(task: TaskId) -> Self {
        Self { task, name: token() }
    }

    /// The place that a task is stored with.
    pub(super) fn stored(task: TaskId, name: &str) -> Self {
        Self { task, name: name.to_owned() }
    }

    /// The place of this field; none where it is not one.
    fn of_field(field: &str) -> Option<Self> {
        let (task, name) = field.split_once('/').unwrap_or((field, ""));
        Some(Self::stored(task.parse().ok()?, name))
    }

    /// Its field among those that wait.
    fn field(&self) -> String {
        match self.name.as_str() {
            "" => self.task.to_string(),
            name => format!("{}/{name}", self.task),
        }
    }

    /// Its name beside the task's id; empty for the first.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// Why a task waits no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// It has begun: its rank was a turn.
    Begun,
    /// It ended before it had begun.
    Cancelled,
    /// It was never stored: as if it had not come.
    Refused,
}

/// Whose claim of a document stands before another.
struct Claim {
    task: TaskId,
    /// Completed, so that it stands whether or not the task's history is still there.
    completed: bool,
}

impl RedisStore {
    /// The state of a task, if it is there.
    pub(super) async fn status_of(&self, task: TaskId) -> Result<Option<StatusWord>, StoreError> {
        let mut get = redis::cmd("HGET");
        get.arg(self.keys.task(task)).arg("status");
        word(self.redis.query(&get).await?)
    }

    /// Settles whether a task was accepted: its state, or none, and then it never will be.
    pub(super) async fn settle_existence(&self, task: TaskId) -> Result<Option<StatusWord>, StoreError> {
        let call = scripts::VETO.on([self.keys.task(task), self.keys.veto(task)]).arg("").arg(VETO_KEPT.as_millis());
        word(self.redis.call_kept(call).await?)
    }

    /// The same, with patience for a task that is being stored right now.
    async fn settle_existence_in_time(&self, task: TaskId) -> Result<Option<StatusWord>, StoreError> {
        let looks = RESERVED_MAX.as_millis() / LOOK_PAUSE.as_millis();
        for _ in 0..looks {
            if let Some(status) = self.status_of(task).await? {
                return Ok(Some(status));
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
        self.settle_existence(task).await
    }

    /// Reserves an idempotency key. Gives back who has it, where that task was accepted.
    pub(super) async fn reserve_key(&self, task: TaskId, given: &Idempotency) -> Result<Option<KeyHolder>, StoreError> {
        let response = super::store::to_json(&given.response)?;
        let mut void = String::new();
        loop {
            let call = scripts::RESERVE_KEY
                .on([self.keys.idempotency(&given.key)])
                .arg("")
                .arg(task)
                .arg(&given.request_digest)
                .arg(&response)
                .arg(self.options.idempotency_kept.as_millis())
                .arg(&void);
            let Some(holder) = KeyHolder::read(self.redis.call_kept(call).await?)? else { return Ok(None) };
            if self.is_accepted(&holder).await? || self.settle_existence_in_time(holder.task).await?.is_some() {
                return Ok(Some(holder));
            }
            // Never accepted, and set aside now: each turn of the loop ends another submission, of which there are few.
            void = holder.task.to_string();
        }
    }

    /// Who has an idempotency key, where that task was accepted.
    pub(super) async fn key_holder(&self, key: &str) -> Result<Option<KeyHolder>, StoreError> {
        let call = scripts::READ_KEY.on([self.keys.idempotency(key)]);
        let Some(holder) = KeyHolder::read(self.redis.call(call).await?)? else { return Ok(None) };
        let accepted = self.is_accepted(&holder).await? || self.status_of(holder.task).await?.is_some();
        Ok(Some(holder).filter(|_| accepted))
    }

    /// Whether a key's task was accepted without looking whether it is there. A confirmed key says so, once its task may have
    /// expired; before that a task that is not there was lost by a failover, and the key must not stand in the way of its
    /// being submitted again.
    async fn is_accepted(&self, holder: &KeyHolder) -> Result<bool, StoreError> {
        let age = self.options.idempotency_kept.saturating_sub(holder.left);
        Ok(holder.accepted && (age >= self.options.history_kept || self.status_of(holder.task).await?.is_some()))
    }

    /// Confirms or gives up the reservation of an idempotency key.
    pub(super) async fn settle_key(&self, task: TaskId, key: &str, accepted: bool) -> Result<(), StoreError> {
        let call = scripts::SETTLE_KEY.on([self.keys.idempotency(key)]).arg("").arg(task).arg(u8::from(accepted));
        self.redis.call::<i64>(call).await.map(drop)
    }

    /// The document that a task claims, if it does.
    pub(super) async fn document_of(&self, task: TaskId) -> Result<Option<DocumentKey>, StoreError> {
        let mut get = redis::cmd("HGET");
        get.arg(self.keys.task(task)).arg("document");
        let document: Option<String> = self.redis.query(&get).await?;
        Ok(document.filter(|document| !document.is_empty()).map(DocumentKey::stored))
    }

    /// Claims the document of a task that had ended and is to run again, before the commit that says so. Until that, it is a
    /// claim of an ended task, which others bear for [`RESERVED_MAX`].
    pub(super) async fn claim_again(&self, task: TaskId) -> Result<(), CommitError> {
        let mut get = redis::cmd("HMGET");
        get.arg(self.keys.task(task)).arg(&["record", "number"]);
        let (record, number): (Option<String>, Option<String>) = self.redis.query(&get).await?;
        let (Some(record), Some(number)) = (record, number) else { return Err(CommitError::Unknown) };
        if self.document_of(task).await?.is_none() {
            return Ok(());
        }
        let record: TaskRecord = from_json(&record)?;
        match self.claim_document(&record, &number).await? {
            None => Ok(()),
            Some(holder) => Err(CommitError::DuplicateDocument(holder)),
        }
    }

    /// Gives back what [`Self::claim_again`] took, where the task does not run again.
    pub(super) async fn give_claim_back(&self, task: TaskId) {
        let given_back = async {
            match (self.status_of(task).await?, self.document_of(task).await?) {
                (Some(status), Some(document)) if status.is_ended() => {
                    self.settle_document(&document, task, status).await
                }
                _ => Ok(()),
            }
        };
        if let Err(error) = given_back.await {
            tracing::warn!(%task, %error, "a claim of a document could not be given back: who meets it does that");
        }
    }

    /// Claims a document's id. Gives back who holds it, where it is not to be replaced.
    pub(super) async fn claim_document(&self, record: &TaskRecord, number: &str) -> Result<Option<TaskId>, StoreError> {
        let document = DocumentKey::of(record);
        let mut void = String::new();
        let mut looks = RESERVED_MAX.as_millis() / LOOK_PAUSE.as_millis();
        loop {
            let call = scripts::CLAIM_DOCUMENT
                .on([self.keys.document(&document)])
                .arg("")
                .arg(record.id)
                .arg(number)
                .arg(u8::from(record.replace_existing))
                .arg(&void);
            let holder: Vec<String> = self.redis.call_kept(call).await?;
            let [task, state] = holder.as_slice() else { return Ok(None) };
            let claim = Claim { task: task.parse().map_err(|_| strange(task))?, completed: state == "completed" };
            if claim.completed {
                return Ok(Some(claim.task));
            }
            match self.settle_existence_in_time(claim.task).await? {
                Some(status) if status.is_ended() && looks > 0 => {
                    // It is about to be settled, or the task to run again.
                    looks -= 1;
                    void = String::new();
                    tokio::time::sleep(LOOK_PAUSE).await;
                }
                Some(status) if status.is_ended() => {
                    // Whoever ended it, or was to run it again, died before settling the claim.
                    self.settle_document(&document, claim.task, status).await?;
                    void = String::new();
                }
                Some(_) => return Ok(Some(claim.task)),
                None => void = task.clone(),
            }
        }
    }

    /// Settles the claim of a task that has ended, or was not accepted.
    pub(super) async fn settle_document(
        &self,
        document: &DocumentKey,
        task: TaskId,
        status: StatusWord,
    ) -> Result<(), StoreError> {
        let completed = u8::from(status == StatusWord::Completed);
        let mut get = redis::cmd("HGET");
        get.arg(self.keys.task(task)).arg("number");
        let number: Option<String> = self.redis.query(&get).await?;
        let call = scripts::SETTLE_DOCUMENT
            .on([self.keys.document(document)])
            .arg("")
            .arg(task)
            .arg(completed)
            .arg(number.unwrap_or_default());
        self.redis.call::<i64>(call).await.map(drop)
    }

    /// The task that holds a document's id: the newest that runs, else the one that completed last.
    pub(super) async fn holder(&self, document: &DocumentKey) -> Result<Option<TaskId>, StoreError> {
        let mut get = redis::cmd("HGETALL");
        get.arg(self.keys.document(document));
        let claims: HashMap<String, String> = self.redis.query(&get).await?;
        let mut ordered = Vec::new();
        for (task, claim) in &claims {
            let (number, state) = claim.split_once(' ').ok_or_else(|| strange(claim))?;
            let number: u64 = number.parse().map_err(|_| strange(claim))?;
            let task: TaskId = task.parse().map_err(|_| strange(task))?;
            ordered.push((state == "running", number, task));
        }
        ordered.sort_unstable_by(|one, other| other.cmp(one));
        for (running, _, task) in ordered {
            if !running {
                return Ok(Some(task));
            }
            match self.status_of(task).await? {
                // A reservation of a task that was not stored, or a claim that is about to be given up.
                None | Some(StatusWord::Failed | StatusWord::Cancelled) => {}
                Some(_) => return Ok(Some(task)),
            }
        }
        Ok(None)
    }

    /// Reserves a place among those that wait: gives its rank and a number, or says that too many wait. `tenant`: where it is
    /// another than the default one.
    pub(super) async fn enter(
        &self,
        place: &Place,
        flow: &Flow,
        limits: TaskLimits,
        tenant: Option<&TenantId>,
    ) -> Result<(String, String), AcceptError> {
        let answer = self.ask_to_enter(&place.field(), flow, limits, tenant.map_or("", TenantId::as_str)).await?;
        match answer.as_slice() {
            [rank, number] => Ok((rank.clone(), number.clone())),
            _ => Err(strange(&answer).into()),
        }
    }

    /// What is behind [`morag_core::ports::Tasks::may_enter`].
    pub(super) async fn look_at_queue(&self, flow: &Flow, limits: TaskLimits) -> Result<(), AcceptError> {
        self.ask_to_enter("", flow, limits, "").await.map(drop)
    }

    /// Asks for a place among those that wait; without its field only whether there is one.
    async fn ask_to_enter(
        &self,
        field: &str,
        flow: &Flow,
        limits: TaskLimits,
        tenant: &str,
    ) -> Result<Vec<String>, AcceptError> {
        let keys = &self.keys;
        let limit = |limit: Option<u64>| limit.map_or_else(String::new, |limit| limit.to_string());
        let call = scripts::ENTER
            .on([keys.waiting(), keys.flows(), keys.virtual_time(), keys.number(), keys.days(), keys.tenants()])
            .arg(self.time.argument())
            .arg(field)
            .arg(&flow.id)
            .arg(flow.weight.max(1))
            .arg(self.options.queue_max)
            .arg(limit(limits.waiting_max))
            .arg(limit(limits.per_day_max))
            .arg(tenant)
            .arg(u8::from(self.options.queue_shared));
        let answer: Vec<String> = self.redis.call(call).await?;
        let over = |quota, limit: Option<u64>, resets_at| {
            AcceptError::from(OverQuota { quota, limit: limit.unwrap_or_default(), resets_at })
        };
        match answer.as_slice() {
            [word] if word == "full" => Err(AcceptError::QueueFull),
            [word] if word == "share" => Err(AcceptError::QueueShare),
            [word] if word == "waiting" => Err(over(Quota::WaitingTasks, limits.waiting_max, None)),
            [word] if word == "day" => {
                Err(over(Quota::TasksPerDay, limits.per_day_max, Some(next_day(self.time.now()))))
            }
            _ => Ok(answer),
        }
    }

    /// Gives a place up that was reserved for a task to run again, which it does not.
    pub(super) async fn give_up_place(&self, place: &Place) {
        if let Err(error) = self.leave(place, Left::Refused).await {
            let task = place.task;
            tracing::warn!(%task, %error, "the place of a task that does not run again could not be given up: it is swept later");
        }
    }

    /// Releases a place. Does nothing if the place is not taken.
    pub(super) async fn leave(&self, place: &Place, left: Left) -> Result<(), StoreError> {
        let keys = &self.keys;
        let word = match left {
            Left::Begun => "begun",
            Left::Cancelled => "cancelled",
            Left::Refused => "refused",
        };
        let call = scripts::LEAVE
            .on([keys.waiting(), keys.flows(), keys.virtual_time(), keys.days()])
            .arg(self.time.argument())
            .arg(place.field())
            .arg(word);
        self.redis.call::<i64>(call).await.map(drop)
    }

    /// Ends the waiting of tasks that are gone: what processes left that died between reserving and storing. Looks at some
    /// of those that wait, others each time.
    pub(super) async fn sweep_waiting(&self) -> Result<(), StoreError> {
        /// Entries looked at in one sweep.
        const LOOKED_AT: usize = 200;
        /// Entries younger than this are left alone: their tasks may be being stored.
        const YOUNG: f64 = 60_000.0;
        let mut some = redis::cmd("HRANDFIELD");
        some.arg(self.keys.waiting()).arg(LOOKED_AT).arg("WITHVALUES");
        let entries: Vec<(String, String)> = self.redis.query(&some).await?;
        let now = self.time.now().as_millis() as f64;
        for (field, entry) in entries {
            let entered: f64 = entry.split(' ').nth(2).and_then(|at| at.parse().ok()).unwrap_or(0.0);
            let Some(place) = Place::of_field(&field) else { continue };
            if now - entered > YOUNG
                && let Some(left) = self.has_left(&place).await?
            {
                self.leave(&place, left).await?;
            }
        }
        Ok(())
    }

    /// How the waiting at a place has ended; none while the task waits there.
    async fn has_left(&self, place: &Place) -> Result<Option<Left>, StoreError> {
        let mut get = redis::cmd("HMGET");
        get.arg(self.keys.task(place.task)).arg(&["status", "waits", "place"]);
        let (status, waits, named): (Option<String>, Option<String>, Option<String>) = self.redis.query(&get).await?;
        let is_last = named.unwrap_or_default() == place.name;
        Ok(match word(status)? {
            // Never stored, or forgotten since: then its day is over too.
            None => Some(Left::Refused),
            // A retry that was never committed, whatever has become of the task.
            Some(_) if !is_last && !place.name.is_empty() => Some(Left::Refused),
            Some(StatusWord::Pending) => None,
            // One that has ended waits for nothing: a process of before there was `waits` does not take that away.
            Some(status) if is_last && waits.is_some() && !status.is_ended() => None,
            Some(_) => Some(Left::Cancelled),
        })
    }

    /// The bucket of a task.
    pub(super) fn bucket(&self, task: TaskId) -> Bucket {
        Bucket::of(task)
    }
}

fn word(status: Option<String>) -> Result<Option<StatusWord>, StoreError> {
    status.map(|status| status.parse().map_err(|()| strange(&status))).transpose()
}
