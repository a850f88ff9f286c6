//! Loads the components of a worker and reloads them while it runs: a changed component is compiled in the background, checked,
//! and used for new tasks. Reloads run one at a time, so at most one component is compiled while steps run.

mod scan;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use morag_core::plugin::{Changes, Watch, converters};
use morag_core::ports::{Clock, Component, ComponentError, Components};
use morag_engine::config::ConfiguredPlugin;
use morag_engine::metrics::ComponentLoads;
use morag_engine::pipelines::{InvalidPipelines, Pipelines, Problems, check, stops_start};
use morag_engine::plugins::{
    Admitted, Change, Found, LoadedPlugin, PluginSet, Plugins, Publisher, RefusedPlugin, ReloadRequest, Reloaded, Slot,
    Unusable, UnusablePipeline, admit, choose,
};
use morag_runtime::{CodeOrigin, ConverterCode, LoadErrorReason, Plugin, PluginRegistry};
use scan::scan;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Components loaded concurrently at the start: more than most machines have cores, because some wait for the disk or a registry.
const LOADING_MAX: usize = 8;

/// Dependencies and configuration of loading components.
#[derive(Clone)]
pub(super) struct Parts {
    /// Compiles and links components.
    pub(super) registry: PluginRegistry,
    /// Counts what is loaded.
    pub(super) loads: ComponentLoads,
    /// Reads components from files and registries.
    pub(super) components: Arc<dyn Components>,
    /// Clock for the times in the API.
    pub(super) clock: Arc<dyn Clock>,
    /// The `[[plugins]]` tables of `morag.toml`.
    pub(super) tables: Vec<ConfiguredPlugin>,
    /// The plugins folder.
    pub(super) folder: PathBuf,
    /// Time between two scans for changes; zero disables them.
    pub(super) reload_interval: Duration,
    /// The pipelines that the components must be able to run.
    pub(super) pipelines: Pipelines,
}

/// A loaded component.
#[derive(Clone)]
struct Member {
    plugin: Arc<Plugin>,
    loaded: LoadedPlugin,
    /// Its file, if it comes from the plugins folder without a table: removing the file then removes the component.
    of_folder: Option<PathBuf>,
}

type Members = BTreeMap<String, Member>;

/// Reloads the components of a worker.
pub struct Job {
    parts: Parts,
    publisher: Publisher,
    watch: Watch,
    members: Members,
    refused: BTreeMap<String, RefusedPlugin>,
    /// Slots of the last scan, by file.
    slots: BTreeMap<PathBuf, Slot>,
    /// Why the last scan failed, so that the same error is logged once.
    scan_error: Option<String>,
    /// Pipelines that cannot run.
    problems: Problems,
}

impl Job {
    /// Loads every component. Unusable ones are refused, and the server starts with the others.
    ///
    /// # Errors
    /// A demand of `morag.toml` is not met.
    pub(super) async fn start(parts: Parts) -> anyhow::Result<(Plugins, Self)> {
        let started = Instant::now();
        // Scanned before the files are read, so that changes meanwhile are noticed.
        let (slots, seen) = scan(&parts.tables, &parts.folder).await?;
        let slots_by_file = by_file(&slots);
        tracing::info!(plugins = slots.len(), "loading plugins; compiling a new one takes seconds");
        let load = |slot: Slot| {
            let parts = parts.clone();
            tokio::spawn(async move {
                let loaded = parts.load(&slot, ConverterCode::WhenNeeded, None).await;
                let component = loaded.and_then(|member| {
                    member.ok_or_else(|| Unusable::Component("reported as unchanged, but never loaded".into()))
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
            tracing::error!(plugin = name, source, reason, "plugin refused");
            (name.clone(), RefusedPlugin { name, source, reason, at })
        };
        let refused: BTreeMap<_, _> = refused.into_iter().map(refuse).collect();
        let problems = parts.problems(&members);
        let is_refused = |name: &str| refused.contains_key(name);
        if let Some(stops) = problems.values().find(|problem| stops_start(&parts.pipelines, problem, is_refused)) {
            return Err(anyhow::anyhow!("{stops}"));
        }
        for (pipeline, problem) in &problems {
            tracing::error!(pipeline, reason = %problem, "pipeline cannot run: its tasks fail until its components are fixed");
        }
        tracing::info!(plugins = members.len(), elapsed_ms = started.elapsed().as_millis() as u64, "plugins loaded");
        parts.tidy(&members);
        let (plugins, publisher) = Plugins::here(parts.set(&members, &refused, &problems));
        let (watch, slots, scan_error) = (Watch::new(seen), slots_by_file, None);
        Ok((plugins, Self { parts, publisher, watch, members, refused, slots, scan_error, problems }))
    }

    /// Reloads on changes, on SIGHUP and on requests, until `shutdown`.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        let mut hangup = signal(SignalKind::hangup())
            .inspect_err(|error| tracing::warn!(%error, "cannot handle SIGHUP: it will not reload plugins"))
            .ok();
        loop {
            let requests = tokio::select! {
                () = shutdown.cancelled() => return,
                () = next_scan(self.parts.reload_interval) => None,
                () = hung_up(&mut hangup) => Some(Vec::new()),
                request = self.publisher.requests.recv() => match request {
                    Some(request) => Some(self.queued(request)),
                    None => return,
                },
            };
            tokio::select! {
                // The published set stays. A compilation goes on in its thread, and the process exits without waiting for it.
                () = shutdown.cancelled() => return,
                () = self.reload(requests) => {}
            }
        }
    }

    /// `first` and all queued requests: one reload, which starts after they arrived, answers all of them.
    fn queued(&mut self, first: ReloadRequest) -> Vec<ReloadRequest> {
        let mut requests = vec![first];
        while let Ok(request) = self.publisher.requests.try_recv() {
            requests.push(request);
        }
        requests
    }

    /// Loads what changed. With requests, changes count at once, and refused components are tried again.
    async fn reload(&mut self, requests: Option<Vec<ReloadRequest>>) {
        let is_requested = requests.is_some();
        let reloaded = match scan(&self.parts.tables, &self.parts.folder).await {
            Ok((slots, seen)) => {
                self.scan_error = None;
                let mut changes = self.watch.look(seen, is_requested);
                let now = by_file(&slots);
                let is_new = |path: &PathBuf| !self.slots.contains_key(path);
                // A refused component may be acceptable now, for example if another one had its name.
                if is_requested || !changes.gone.is_empty() || changes.changed.iter().any(is_new) {
                    let again = now.iter().filter(|(_, slot)| self.refused.contains_key(&slot.name));
                    changes.changed.extend(again.map(|(path, _)| path.clone()));
                }
                if is_requested || !changes.is_empty() {
                    changes.gone.extend(self.left_behind(&now));
                }
                let before = std::mem::replace(&mut self.slots, now);
                match changes.is_empty() {
                    true => Reloaded::default(),
                    false => self.apply(changes, &before).await,
                }
            }
            Err(error) => {
                let reason = format!("{error:#}");
                if self.scan_error.as_ref() != Some(&reason) {
                    tracing::warn!(reason, "cannot scan for plugins, keeping the loaded ones");
                }
                self.scan_error = Some(reason);
                Reloaded::default()
            }
        };
        for request in requests.into_iter().flatten() {
            let refused = self.refused.values().cloned().collect();
            // Fails if the requester has disconnected.
            let _ = request.send(Reloaded { refused, ..reloaded.clone() });
        }
    }

    /// Files that were removed earlier, while a pipeline still needed their components: these are removed once that changes.
    fn left_behind(&self, slots: &BTreeMap<PathBuf, Slot>) -> Vec<PathBuf> {
        let files = self.members.values().filter_map(|member| member.of_folder.clone());
        files.filter(|file| !self.watch.holds(file) && !slots.contains_key(file)).collect()
    }

    async fn apply(&mut self, changes: Changes, before: &BTreeMap<PathBuf, Slot>) -> Reloaded {
        let (mut wanted, mut refused) = (Vec::new(), Vec::new());
        for path in &changes.changed {
            let Some(slot) = self.slots.get(path).cloned() else { continue };
            self.refused.remove(&slot.name);
            // Compiled, unlike at the start: one that cannot be compiled must not replace one that can.
            match self.parts.load(&slot, ConverterCode::Now, self.members.get(&slot.name)).await {
                Ok(Some(member)) => wanted.push((slot.name, Some(member))),
                Ok(None) => {}
                Err(unusable) => refused.push((slot.name, unusable.to_string())),
            }
        }
        for path in &changes.gone {
            let slot = self.slots.get(path).or_else(|| before.get(path));
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
            let slot = self.slots.values().chain(before.values()).find(|slot| slot.name == name);
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
            let keeps_loaded = self.members.contains_key(&name);
            tracing::warn!(plugin = name, source, reason, keeps_loaded, "plugin refused");
            let at = self.parts.clock.now();
            self.refused.insert(name.clone(), RefusedPlugin { name, source, reason, at });
        }
        let was_taken = |name: &String| !self.refused.contains_key(name);
        let (loaded, removed): (Vec<_>, Vec<_>) =
            wanted.into_iter().filter(|(name, _)| was_taken(name)).partition(|(_, member)| member.is_some());
        let names = |items: Vec<(String, Option<Member>)>| items.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        let (loaded, removed) = (names(loaded), names(removed));
        if !(loaded.is_empty() && removed.is_empty()) {
            tracing::info!(loaded = loaded.join(","), removed = removed.join(","), "plugins reloaded");
        }
        self.members = chosen;
        self.problems = self.parts.problems(&self.members);
        for (pipeline, problem) in &self.problems {
            tracing::warn!(pipeline, reason = %problem, "pipeline still cannot run");
        }
        let set = self.parts.set(&self.members, &self.refused, &self.problems);
        self.publisher.sets.send_replace(Arc::new(set));
        self.parts.tidy(&self.members);
        Reloaded { loaded, removed, refused: Vec::new() }
    }
}

impl Job {
    /// Groups changes by the name in the component's descriptor, so that a renamed file counts as one change: a removal and an
    /// addition of the same component.
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
    /// Reads and loads the component of a slot; `None` if it is the loaded one, `now`. The error is one line.
    async fn load(&self, slot: &Slot, code: ConverterCode, now: Option<&Member>) -> Result<Option<Member>, Unusable> {
        slot.check_file_name().map_err(Unusable::Demand)?;
        let fetched = self.components.get(&slot.wish).await;
        let Component { wasm, digest, signed_by } = fetched.map_err(|error| match error {
            ComponentError::TooLarge(_) => Unusable::Component(error.to_string()),
            _ => Unusable::Demand(error.to_string()),
        })?;
        let same = |now: &Member| now.plugin.digest == digest.as_str() && now.loaded.signed_by == signed_by;
        if now.is_some_and(same) {
            return Ok(None);
        }
        let started = Instant::now();
        let loaded = self.registry.load(wasm, &digest, code, slot.grant.clone()).await;
        match loaded.as_ref().map(|plugin| plugin.origin) {
            Ok(CodeOrigin::Compiled) => self.loads.compiled(started.elapsed()),
            Ok(CodeOrigin::Cached) => self.loads.cached(started.elapsed()),
            Ok(CodeOrigin::Deferred) => self.loads.deferred(started.elapsed()),
            Err(_) => self.loads.refused(started.elapsed()),
        }
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

    /// Whether names are unique and every pipeline can run, except for those that could not run before.
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

    /// The pipelines that cannot run with these components.
    fn problems(&self, members: &Members) -> Problems {
        let descriptor_of = |name: &str| {
            let mut descriptors = members.values().map(|member| &member.plugin.descriptor);
            descriptors.find(|descriptor| descriptor.name == name).cloned()
        };
        let converters = converters(members.values().map(|member| member.plugin.descriptor.clone()));
        check(&self.pipelines, &descriptor_of, &converters)
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

    /// Trims the compile cache in the background.
    fn tidy(&self, members: &Members) {
        let registry = self.registry.clone();
        let plugins: Vec<_> = members.values().map(|member| member.plugin.clone()).collect();
        tokio::task::spawn_blocking(move || registry.tidy_cache(&plugins));
    }
}

fn by_file(slots: &[Slot]) -> BTreeMap<PathBuf, Slot> {
    slots.iter().filter_map(|slot| Some((slot.file()?.to_owned(), slot.clone()))).collect()
}

/// Waits until the next scan is due; never returns if `interval` is zero.
async fn next_scan(interval: Duration) {
    match interval.is_zero() {
        true => std::future::pending().await,
        false => tokio::time::sleep(interval).await,
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
