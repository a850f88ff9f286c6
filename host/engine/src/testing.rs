//! The engine's parts on ports in memory.

pub(crate) use morag_testkit::*;

use crate::App;
use crate::config::{Config, Sources};
use crate::plugins::Plugins;
use std::sync::Arc;

/// On this memory, with changes to the environment's settings.
pub(crate) fn app(memory: &Arc<Memory>, environment: &[(&str, &str)]) -> Arc<App> {
    app_of(memory, environment, "")
}

/// On this memory, with changes to the environment's settings and a `morag.toml`.
pub(crate) fn app_of(memory: &Arc<Memory>, environment: &[(&str, &str)], morag_toml: &str) -> Arc<App> {
    let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let config = Config::of(&Sources { environment, ..Sources::default() }, Some(morag_toml)).unwrap();
    Arc::new(App::new(config, memory.ports(), Plugins::nowhere(), None, memory.stop.clone()))
}
