//! Builds the parts of a server that its roles need. The only module that names concrete adapters.
//!
//! # What prevents a start, and what does not
//!
//! - A bad component does not; a wrong `morag.toml` does. A pipeline whose component was refused cannot run, the others can.
//! - A full disk does not: [`spare`] keeps 4 MiB in the data folder, which a start without room deletes.
//! - A data folder of another store does ([`data_dir`], [`redis_files`]): a server deletes files of tasks that its store does not know. A
//!   bucket says whose it is, too ([`bucket`]). A running server asks again before it tidies up (`ownership`).
//! - Another key for the credentials than the store's does ([`secrets`]).
//! - A Redis whose settings lose data does (`core/redis_demands`); at run time it makes the server unready.
//!
//! A backup is taken from the data folder, not through the server ([`backup`]): both databases at one moment, then the files that they
//! refer to, then the manifest.

mod ai;
mod backup;
mod bucket;
mod checks;
mod data_dir;
mod descriptors;
mod files;
mod ocr;
mod plugins;
mod redis_files;
mod secrets;
mod services;
mod signals;
mod spare;
mod steps;
mod stores;

use anyhow::Context as _;
use morag_adapters::SystemClock;
use morag_adapters::fetch_http::HttpFetcher;
use morag_adapters::process::ThisProcess;
use morag_adapters::webhook_http::{HttpSender, SenderOptions};
use morag_core::ports::{Blobs, Clock, Ports, Process};
use morag_core::webhook::AddressPolicy;
use morag_engine as engine;
use morag_engine::config::{Config, Role};
use morag_engine::metrics::ComponentLoads;
use morag_engine::plugins::Plugins;
use morag_engine::{App, Pipelines};
use std::sync::Arc;
use stores::Stores;
use tokio_util::sync::CancellationToken;

pub use backup::{Report as BackupReport, backup, restore};
pub use checks::CHECKS;
pub use plugins::Job as PluginJob;
pub(crate) use services::states as service_states;

/// Runs a server until SIGTERM or Ctrl-C, then waits for running work to finish within the drain timeout or returns it to the
/// queue.
pub async fn serve(config: Config) -> anyhow::Result<()> {
    config.warnings.iter().for_each(|warning| tracing::warn!(%warning, "configuration warning"));
    let (address, roles, drain) = (config.listen_address(), config.roles, config.drain_timeout);
    // Before anything is written to the folder.
    backup::refuse_backup(&config.data_dir)?;
    let is_alone = config.redis.is_none();
    let descriptors = descriptors::raise();
    let has_files = files::in_folder(&config);
    let _lock = match (is_alone, has_files) {
        (true, _) => Some(data_dir::own(&config.data_dir)?),
        (false, true) => Some(data_dir::share(&config.data_dir)?),
        (false, false) => None,
    };
    backup::refuse_half_restored(&config.data_dir)?;
    match is_alone {
        true => data_dir::refuse_files_of_redis(&config.data_dir)?,
        false if has_files => data_dir::refuse_files_of_embedded(&config.data_dir)?,
        false => {}
    }
    let listener = tokio::net::TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}: if another program uses the port, choose another API_PORT")
    })?;
    let bound = listener.local_addr()?;
    let shutdown = CancellationToken::new();
    let (app, plugins) = build(config, &shutdown).await?;
    let app = Arc::new(app);
    // After connecting to Redis, so that a wrong address does not become the owner of the files.
    app.ownership.claim().await?;
    if is_alone {
        engine::recover(&app).await?;
    }

    let mut loops = engine::spawn(&app, &shutdown);
    match plugins {
        Some(job) => drop(loops.spawn(job.run(shutdown.clone()))),
        // SIGHUP reloads plugins. Scripts send it to every process, so it must not end one without plugins.
        None => signals::ignore_hangup(),
    }
    // Scripts and tests that listen on port 0 read the address from this line.
    println!("morag listens on http://{bound}");
    tracing::info!(address = %bound, role = %roles, version = morag_engine::VERSION, "ready");

    if let Some(check) = app.services.clone() {
        // Beside the server, which does not wait until Tesseract has said its languages.
        loops.spawn(async move {
            for (capability, state) in check.states().await.lines() {
                tracing::info!(capability, state, "service of steps");
            }
        });
    }

    signals::listen(shutdown.clone(), drain);
    let api = morag_api::Api::new(app.clone());
    let (router, lobby) = (morag_api::router(api.clone()), morag_api::lobby(api));
    let site = morag_api::Site::new(router, lobby, app.config.connections_per_peer, descriptors);
    let served = morag_api::serve(listener, site, shutdown.clone().cancelled_owned(), drain).await;
    shutdown.cancel();
    while loops.join_next().await.is_some() {}
    served
}

/// Builds the parts of a server. Steps, and the job that reloads them, are only for workers. `shutdown` ends live streams.
pub async fn build(config: Config, shutdown: &CancellationToken) -> anyhow::Result<(App, Option<PluginJob>)> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    // First, because this time is reported as the start of the process.
    let process = ThisProcess::of_linux(clock.now()).map(|process| Arc::new(process) as Arc<dyn Process>);
    let Stores { tasks, queue, deliveries, chains, endpoints, feed, knowledge, key_values, setup, redis } =
        stores::open(&config, &clock).await?;
    let blobs: Arc<dyn Blobs> = Arc::new(files::open(&config)?);
    let ownership = files::ownership(&config, &blobs, redis)?;
    let policy = AddressPolicy::new(config.webhook_allow_networks.clone());
    let options = SenderOptions { proxy: config.webhook_proxy.clone(), ..SenderOptions::new(policy) };
    let sender = Arc::new(HttpSender::new(options, clock.clone())?);
    let fetcher = Arc::new(HttpFetcher::new(AddressPolicy::new(config.fetch_allow_networks.clone()))?);
    let pipelines = Pipelines::with(&config.pipelines);
    let loads = ComponentLoads::default();
    let services_check = config.roles.has(Role::Worker).then(|| services::check(&config));
    let (plugins, job) = match config.roles.has(Role::Worker) {
        true => {
            let services = steps::services(&config, &blobs, &knowledge, &key_values)?;
            let (plugins, job) = steps::load(&config, &pipelines, services, clock.clone(), loads.clone()).await?;
            (plugins, Some(job))
        }
        false => (Plugins::nowhere(), None),
    };
    let sealer = secrets::sealer(&config, &*endpoints).await?;
    let ports = Ports {
        tasks,
        queue,
        deliveries,
        chains,
        endpoints,
        feed,
        knowledge,
        setup,
        blobs,
        ownership,
        sender,
        fetcher,
        clock,
        disk: files::disk(&config),
        process,
    };
    let app = App::new(config, ports, plugins, sealer, shutdown.clone());
    let app = if job.is_some() { app.counting_loads(&loads) } else { app };
    let app = match services_check {
        Some(check) => app.with_services(check),
        None => app,
    };
    Ok((app, job))
}
