//! The HTTP interface on ports in memory.

pub use morag_testkit::*;

use super::Api;
use morag_core::ports::Ports;
use morag_engine::App;
use morag_engine::config::{Config, Sources};
use morag_engine::plugins::Plugins;
use std::sync::Arc;

/// On this memory, with settings of the environment.
pub fn app(memory: &Arc<Memory>, environment: &[(&str, &str)]) -> Arc<Api> {
    app_of(memory, environment, "")
}

/// On this memory, with settings of the environment and a `morag.toml`.
pub fn app_of(memory: &Arc<Memory>, environment: &[(&str, &str)], morag_toml: &str) -> Arc<Api> {
    app_with(memory, environment, morag_toml, Plugins::nowhere())
}

/// The same on these ports, which can be others than the memory's.
pub fn app_on(memory: &Arc<Memory>, ports: Ports) -> Arc<Api> {
    let config = Config::of(&Sources::default(), Some("")).unwrap();
    Api::new(Arc::new(App::new(config, ports, Plugins::nowhere(), None, memory.stop.clone())))
}

/// The same of a process that runs these components.
pub fn app_with(memory: &Arc<Memory>, environment: &[(&str, &str)], morag_toml: &str, plugins: Plugins) -> Arc<Api> {
    let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let config = Config::of(&Sources { environment, ..Sources::default() }, Some(morag_toml)).unwrap();
    Api::new(Arc::new(App::new(config, memory.ports(), plugins, None, memory.stop.clone())))
}
