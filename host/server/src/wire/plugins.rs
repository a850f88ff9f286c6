//! Loads the components of a worker, and replaces them while it runs: what changed is compiled beside what runs, checked, and
//! swapped for new tasks. One reload at a time, so at most one component is compiled beside the work.

mod look;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use look::look;
use morag_core::plugin::{Changes, Watch};
use morag_core::ports::{Clock, Component, ComponentError, Components};
use morag_engine::config::ConfiguredPlugin;
use morag_engine::pipelines::{InvalidPipelines, Pipelines, Problems, check, stops_start};
use morag_engine::plugins::{
    Admitted, Change, Found, LoadedPlugin, Order, PluginSet, Plugins, Publisher, RefusedPlugin, Reloaded, Slot,
    Unusable, UnusablePipeline, admit, choose,
};
use morag_runtime::{LoadErrorReason, Plugin, PluginRegistry};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Components that are loaded at once at the start: more than a machine has cores, for some wait for the disk or a registry.
const LOADING_MAX: usize = 8;

/// What loads components.
#[derive(Clone)]
pub(super) struct Parts {
    /// Compiles and links.
    pub(super) registry: PluginRegistry,
    /// Reads files and registries.
    pub(super) components: Arc<dyn Components>,
    /// The time.
    pub(super) clock: Arc<dyn Clock>,
    /// What `morag.toml` says of plugins.
    pub(super) tables: Vec<ConfiguredPlugin>,
    /// The plugins folder.
    pub(super) folder: PathBuf,
    /// Between two looks; zero: none by itself.
    pub(super) pause: Duration,
    /// What must be able to run.
    pub(super) pipelines: Pipelines,
}

/// A component in its place.
#[derive(Clone)]
struct Member {
    plugin: Arc<Plugin>,
    loaded: LoadedPlugin,
    /// Its file, where it came from the plugins folder without a table, so that it goes with it.
    of_folder: Option<PathBuf>,
}

type Members = BTreeMap<String, Member>;

/// Keeps the components of a worker up to date.
pub struct Job {
    parts: Parts,
    publisher: Publisher,
    watch: Watch,
    members: Members,
    refused: BTreeMap<String, RefusedPlugin>,
    /// Places by file, those that were seen last.
    places: BTreeMap<PathBuf, Slot>,
    /// Why the folder could not be looked at the last time; said once.
    unreadable: Option<String>,
    /// Pipelines that cannot run now.
    problems: Problems,
}

impl Job {
    /// Loads every component. What cannot be used is refused, and the server starts with the rest; what `morag.toml` demands and does
    /// not hold is the error.
    pub(super) async fn start(parts: Parts) -> anyhow::Result<(Plugins, Self)> {
        let started = Instant::now();
        // Looked at before it is read, so that what changes meanwhile is noticed.
        let (slots, seen) = look(&parts.tables, &parts.folder).await?;
        let places = by_file(&slots);
        tracing::info!(
            plugins = slots.len(),
            "loading plugins; one that is new is compiled first, which takes seconds"
        );
        let load = |slot: Slot| {
            let parts = parts.clone();
            tokio::spawn(async move {
                let loaded = parts.load(&slot, None).await;
                let component = loaded.and_then(|member| {
                    member.ok_or_else(|| Unusable::Component("it counts as loaded, and nothing was before".into()))
                });
                let (source, is_listed) = (slot.wish.source.to_string(), slot.is_listed);
                Found { slot: slot.name, source, is_listed, component }
            })
        };
        let found: Vec<_> = stream::iter(slots).map(load).buffered(LOADING_MAX).try_collect().await?;
        let admitted = admit(found, |member: &Member| &member.plugin.descriptor.name).map_err(anyhow::Error::msg)?;
        let Admitted { members, refused } = admitted;
        let at = parts.clock.now();
        let refuse = |(name, source, reason): (String, String, String)| {
            tracing::error!(plugin = name, source, reason, "a plugin is refused; none is loaded");
            (name.clone(), RefusedPlugin { name, source, reason, at })
        };
        let refused: BTreeMap<_, _> = refused.into_iter().map(refuse).collect();
        let problems = parts.problems(&members);
        let is_refused = |name: &str| refused.contains_key(name);
        if let Some(stops) = problems.values().find(|problem| stops_start(&parts.pipelines, problem, is_refused)) {
            return Err(anyhow::anyhow!("{stops}"));
        }
        for (pipeline, problem) in &problems {
            tracing::error!(pipeline, reason = %problem, "a pipeline cannot run, and its tasks fail, until its components are mended");
        }
        tracing::info!(plugins = members.len(), elapsed_ms = started.elapsed().as_millis() as u64, "plugins loaded");
        parts.tidy(&members);
        let (plugins, publisher) = Plugins::here(parts.set(&members, &refused, &problems));
        let (watch, unreadable) = (Watch::new(seen), None);
        Ok((plugins, Self { parts, publisher, watch, members, refused, places, unreadable, problems }))
    }

    /// Reloads when something changed, when asked (SIGHUP or an order), until `shutdown`.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        let mut hangup = signal(SignalKind::hangup())
            .inspect_err(|error| tracing::warn!(%error, "SIGHUP cannot be waited for: it will not reload plugins"))
            .ok();
        loop {
            let orders = tokio::select! {
                () = shutdown.cancelled() => return,
                () = pause(self.parts.pause) => None,
                () = hung_up(&mut hangup) => Some(Vec::new()),
                order = self.publisher.orders.recv() => match order {
                    Some(order) => Some(self.orders(order)),
                    None => return,
                },
            };
            tokio::select! {
                // The set stays what it is. A compilation goes on in its thread, for nobody: the process does not wait for it.
                () = shutdown.cancelled() => return,
                () = self.reload(orders) => {}
            }
        }
    }

    /// An order and all that wait behind it: one reload, which begins after they came, is the answer to each.
    fn orders(&mut self, first: Order) -> Vec<Order> {
        let mut orders = vec![first];
        while let Ok(order) = self.publisher.orders.try_recv() {
            orders.push(order);
        }
        orders
    }

    /// Takes what changed. With orders, what was seen counts at once, and what was refused is tried again.
    async fn reload(&mut self, orders: Option<Vec<Order>>) {
        let is_ordered = orders.is_some();
        let reloaded = match look(&self.parts.tables, &self.parts.folder).await {
            Ok((slots, seen)) => {
                self.unreadable = None;
                let mut changes = self.watch.look(seen, is_ordered);
                let now = by_file(&slots);
                let is_new = |path: &PathBuf| !self.places.contains_key(path);
                // What was refused may fit now, as where another had its name.
                if is_ordered || !changes.gone.is_empty() || changes.changed.iter().any(is_new) {
                    let again = now.iter().filter(|(_, slot)| self.refused.contains_key(&slot.name));
                    changes.changed.extend(again.map(|(path, _)| path.clone()));
                }
                if is_ordered || !changes.is_empty() {
                    changes.gone.extend(self.left_behind(&now));
                }
                let before = std::mem::replace(&mut self.places, now);
                match changes.is_empty() {
                    true => Reloaded::default(),
                    false => self.take(changes, &before).await,
                }
            }
            Err(error) => {
                let reason = format!("{error:#}");
                if self.unreadable.as_ref() != Some(&reason) {
                    tracing::warn!(reason, "no look at the plugins: those that are loaded stay");
                }
                self.unreadable = Some(reason);
                Reloaded::default()
            }
        };
        for order in orders.into_iter().flatten() {
            let refused = self.refused.values().cloned().collect();
            // Whoever asked may have gone.
            let _ = order.send(Reloaded { refused, ..reloaded.clone() });
        }
    }

    /// Files of loaded components that went earlier, when a pipeline needed them: they go as soon as that changes.
    fn left_behind(&self, places: &BTreeMap<PathBuf, Slot>) -> Vec<PathBuf> {
        let files = self.members.values().filter_map(|member| member.of_folder.clone());
        files.filter(|file| !self.watch.holds(file) && !places.contains_key(file)).collect()
    }

    async fn take(&mut self, changes: Changes, before: &BTreeMap<PathBuf, Slot>) -> Reloaded {
        let (mut wanted, mut refused) = (Vec::new(), Vec::new());
        for path in &changes.changed {
            let Some(slot) = self.places.get(path).cloned() else { continue };
            self.refused.remove(&slot.name);
            match self.parts.load(&slot, self.members.get(&slot.name)).await {
                Ok(Some(member)) => wanted.push((slot.name, Some(member))),
                Ok(None) => {}
                Err(unusable) => refused.push((slot.name, unusable.to_string())),
            }
        }
        for path in &changes.gone {
            let slot = self.places.get(path).or_else(|| before.get(path));
            let member = self.members.iter().find(|(_, member)| member.of_folder.as_ref() == Some(path));
            let Some(name) = slot.map(|slot| &slot.name).or(member.map(|(name, _)| name)) else { continue };
            self.refused.remove(name);
            match (slot.is_some_and(|slot| slot.is_listed), member) {
                (true, _) => refused.push((name.clone(), "its file is gone".into())),
                (false, Some(_)) => wanted.push((name.clone(), None)),
                (false, None) => {}
            }
        }
        let groups = self.by_component(&wanted);
        let (chosen, unfit) = choose(&self.members, &groups, |members| self.parts.fits(members, &self.problems));
        let source = |name: &str| {
            let slot = self.places.values().chain(before.values()).find(|slot| slot.name == name);
            let member = || self.members.get(name).map(|member| member.loaded.source.clone());
            slot.map(|slot| slot.wish.source.to_string()).or_else(member).unwrap_or_default()
        };
        let is_gone = |name: &str| wanted.iter().any(|(other, change)| other == name && change.is_none());
        let unfit = unfit.into_iter().map(|(name, reason)| match is_gone(&name) {
            true => (name, format!("its file is gone, but {reason}")),
            false => (name, reason),
        });
        for (name, reason) in refused.into_iter().chain(unfit) {
            let source = source(&name);
            let stays = if self.members.contains_key(&name) { "the loaded one stays" } else { "none is loaded" };
            tracing::warn!(plugin = name, source, reason, "a plugin is refused; {stays}");
            let at = self.parts.clock.now();
            self.refused.insert(name.clone(), RefusedPlugin { name, source, reason, at });
        }
        let was_taken = |name: &String| !self.refused.contains_key(name);
        let (loaded, removed): (Vec<_>, Vec<_>) =
            wanted.into_iter().filter(|(name, _)| was_taken(name)).partition(|(_, member)| member.is_some());
        let names = |items: Vec<(String, Option<Member>)>| items.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        let (loaded, removed) = (names(loaded), names(removed));
        if !(loaded.is_empty() && removed.is_empty()) {
            tracing::info!(?loaded, ?removed, "plugins reloaded: new tasks run on them");
        }
        self.members = chosen;
        self.problems = self.parts.problems(&self.members);
        for (pipeline, problem) in &self.problems {
            tracing::warn!(pipeline, reason = %problem, "a pipeline still cannot run");
        }
        let set = self.parts.set(&self.members, &self.refused, &self.problems);
        self.publisher.sets.send_replace(Arc::new(set));
        self.parts.tidy(&self.members);
        Reloaded { loaded, removed, refused: Vec::new() }
    }
}

impl Job {
    /// Changes by the name that the component says it has: a file that got another name is one that is gone and one that is new.
    fn by_component(&self, changes: &[Change<Member>]) -> Vec<Vec<Change<Member>>> {
        let mut groups: BTreeMap<&str, Vec<Change<Member>>> = BTreeMap::new();
        for change in changes {
            let member = change.1.as_ref().or_else(|| self.members.get(&change.0));
            let name = member.map_or(change.0.as_str(), |member| &member.plugin.descriptor.name);
            groups.entry(name).or_default().push(change.clone());
        }
        groups.into_values().collect()
    }
}

impl Parts {
    /// Reads and loads the component of a place; none where it is the one that is loaded. The error is one line.
    async fn load(&self, slot: &Slot, now: Option<&Member>) -> Result<Option<Member>, Unusable> {
        slot.check_file_name().map_err(Unusable::Demand)?;
        let gotten = self.components.get(&slot.wish).await;
        let Component { wasm, digest, signed_by } = gotten.map_err(|error| match error {
            ComponentError::TooLarge(_) => Unusable::Component(error.to_string()),
            _ => Unusable::Demand(error.to_string()),
        })?;
        let same = |now: &Member| now.plugin.digest == digest.as_str() && now.loaded.signed_by == signed_by;
        if now.is_some_and(same) {
            return Ok(None);
        }
        let loaded = self.registry.load(wasm, &digest, slot.grant.clone()).await;
        let plugin = loaded.map_err(|error| match error {
            LoadErrorReason::NotGranted(_) => Unusable::Demand(error.to_string()),
            _ => Unusable::Component(error.to_string()),
        })?;
        slot.check_name(&plugin.descriptor.name, &self.tables).map_err(Unusable::Demand)?;
        let loaded = LoadedPlugin {
            slot: slot.name.clone(),
            descriptor: plugin.descriptor.clone(),
            source: slot.wish.source.to_string(),
            digest: plugin.digest.clone(),
            size: plugin.size,
            signed_by,
            grant: plugin.grant.clone(),
            used: plugin.used.clone(),
            since: self.clock.now(),
        };
        let of_folder = slot.file().filter(|_| !slot.is_listed).map(Path::to_owned);
        Ok(Some(Member { plugin, loaded, of_folder }))
    }

    /// Whether names are unique and every pipeline can run but those that cannot run before.
    fn fits(&self, members: &Members, before: &Problems) -> Result<(), String> {
        let mut by_name = BTreeMap::new();
        for member in members.values() {
            let name = member.plugin.descriptor.name.as_str();
            let source = &member.loaded.source;
            if let Some(other) = by_name.insert(name, source) {
                return Err(format!("another component of the name {name} is loaded already: {other} and {source}"));
            }
        }
        match self.problems(members).into_values().find(|problem| !before.contains_key(problem.pipeline())) {
            Some(problem) => Err(problem.to_string()),
            None => Ok(()),
        }
    }

    /// What is wrong with pipelines on these components.
    fn problems(&self, members: &Members) -> Problems {
        let descriptor_of = |name: &str| {
            let mut descriptors = members.values().map(|member| &member.plugin.descriptor);
            descriptors.find(|descriptor| descriptor.name == name).cloned()
        };
        check(&self.pipelines, &descriptor_of)
    }

    fn set(&self, members: &Members, refused: &BTreeMap<String, RefusedPlugin>, problems: &Problems) -> PluginSet {
        let unusable = |(name, problem): (&String, &InvalidPipelines)| UnusablePipeline {
            name: name.clone(),
            reason: problem.to_string(),
        };
        let plugins = members.values().map(|member| member.plugin.clone()).collect();
        PluginSet {
            steps: Arc::new(self.registry.set(plugins)),
            plugins: members.values().map(|member| member.loaded.clone()).collect(),
            refused: refused.values().cloned().collect(),
            unusable: problems.iter().map(unusable).collect(),
        }
    }

    /// Bounds the cache, beside the work.
    fn tidy(&self, members: &Members) {
        let registry = self.registry.clone();
        let plugins: Vec<_> = members.values().map(|member| member.plugin.clone()).collect();
        tokio::task::spawn_blocking(move || registry.tidy_cache(&plugins));
    }
}

fn by_file(slots: &[Slot]) -> BTreeMap<PathBuf, Slot> {
    slots.iter().filter_map(|slot| Some((slot.file()?.to_owned(), slot.clone()))).collect()
}

/// Waits for the next look; for ever where nobody looks.
async fn pause(pause: Duration) {
    match pause.is_zero() {
        true => std::future::pending().await,
        false => tokio::time::sleep(pause).await,
    }
}

async fn hung_up(hangup: &mut Option<Signal>) {
    match hangup {
        Some(hangup) => {
            hangup.recv().await;
        }
        None => std::future::pending().await,
    }
}
