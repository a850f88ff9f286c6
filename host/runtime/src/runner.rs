//! Runs steps on fresh instances: the [`StepRunner`] port.

use crate::budget::Ledger;
use crate::chain::{Chain, failed};
use crate::failure;
use crate::plugin::Plugin;
use crate::run_time::Share;
use crate::sandbox::Sandbox;
use crate::stopwatch::Stopwatch;
use crate::threads::GuestThreads;
use async_trait::async_trait;
use morag_core::plugin::{Descriptor, NotLoaded, converters, members};
use morag_core::ports::{StepCall, StepReport, StepRunner};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The loaded components of one set, which were loaded together and do not change while a task runs on them.
pub struct PluginRunner {
    sandbox: Sandbox,
    threads: Arc<GuestThreads>,
    plugins: BTreeMap<String, Arc<Plugin>>,
    /// What the standard conversion stands for.
    converters: Vec<Arc<Descriptor>>,
    /// Whether documents inside a document are for all of these, whichever components the step has.
    are_all_inside: bool,
}

impl PluginRunner {
    /// A set of components.
    pub(crate) fn new(sandbox: Sandbox, threads: Arc<GuestThreads>, plugins: Vec<Arc<Plugin>>) -> Self {
        let plugins: BTreeMap<_, _> =
            plugins.into_iter().map(|plugin| (plugin.descriptor.name.clone(), plugin)).collect();
        let converters = converters(plugins.values().map(|plugin| plugin.descriptor.clone()));
        Self { sandbox, threads, plugins, converters, are_all_inside: false }
    }

    /// The same set, where documents inside a document go to every converter of it, and the document itself to the components of its
    /// step alone: for trying one of them.
    #[must_use]
    pub fn with_all_converters_inside(self) -> Self {
        Self { are_all_inside: true, ..self }
    }

    /// The components of a step.
    fn members(&self, components: &[String]) -> Result<Vec<Arc<Plugin>>, NotLoaded> {
        let names = components.iter().map(String::as_str);
        let found = members(names, &|name| self.descriptor(name), &self.converters)?;
        Ok(self.plugins_of(&found))
    }

    fn plugins_of(&self, found: &[Arc<Descriptor>]) -> Vec<Arc<Plugin>> {
        found.iter().filter_map(|member| self.plugins.get(&member.name).cloned()).collect()
    }

    /// The components that are asked for documents inside the document of a step with these components.
    fn inside(&self, members: &[Arc<Plugin>]) -> Vec<Arc<Plugin>> {
        match self.are_all_inside && !self.converters.is_empty() {
            true => self.plugins_of(&self.converters),
            false => members.to_vec(),
        }
    }

    /// The loaded components by name.
    pub fn plugins(&self) -> &BTreeMap<String, Arc<Plugin>> {
        &self.plugins
    }
}

#[async_trait]
impl StepRunner for PluginRunner {
    fn descriptor(&self, component: &str) -> Option<Arc<Descriptor>> {
        self.plugins.get(component).map(|plugin| plugin.descriptor.clone())
    }

    fn converters(&self) -> Vec<Arc<Descriptor>> {
        self.converters.clone()
    }

    async fn run(&self, call: StepCall) -> StepReport {
        let members = match self.members(&call.components) {
            Ok(members) => members,
            Err(NotLoaded(missing)) => return failed(failure::unknown(&missing)),
        };
        let (sandbox, threads) = (self.sandbox.clone(), self.threads.clone());
        let (ledger, clock) = (Ledger::default(), Stopwatch::default());
        let inside = self.inside(&members).into();
        Chain { sandbox, threads, members, inside, depth: 0, ledger, clock }.run(call, &Share::default()).await.0
    }
}
