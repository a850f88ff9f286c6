//! The command line `morag`.
//!
//! Exit codes: 0 success, 1 failure (one line on stderr says what failed), 2 invalid command line.

mod backup;
mod config;
mod deliver;
mod key;
mod listen;
mod models;
mod settings;
mod show;
#[cfg(test)]
mod snapshot_tests;
mod submit;
mod trigger;
mod webhook;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use morag_core::plugin::CompileLimits;
use morag_engine::config::{Sources, find_plugins_dir};
use morag_runtime::{Tier, compile_child};
use std::path::PathBuf;
use std::process::ExitCode;

/// Process documents with WebAssembly steps and deliver signed webhooks.
#[derive(Debug, Parser)]
#[command(
    name = "morag",
    version,
    after_help = "Examples:\n  \
        morag serve                                start the server on 127.0.0.1:8000\n  \
        morag listen                               receive and show webhooks on 127.0.0.1:8001\n  \
        morag submit report.pdf --follow           process a file and show its progress\n  \
        morag trigger task_completed --to URL      send a sample event to a receiver\n  \
        morag plugin new NAME --lang python        create a step project\n  \
        morag history TASK_ID --order asc          show all events of a task"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    #[command(after_help = "Examples:\n  \
        morag serve\n  \
        morag serve --port 9000 --data-dir /var/lib/morag\n  \
        morag serve --config /etc/morag.toml\n  \
        REDIS_URL=redis://127.0.0.1:6379/0 morag serve --role worker --concurrency 4\n  \
        WEBHOOK_ALLOW_NETWORKS=127.0.0.0/8 morag serve\n\n\
        `morag config table` lists every setting, and `morag config check` checks them without a start.")]
    Serve(Serve),
    /// Receive and verify webhooks on this machine, or forward a server's events to a local receiver
    #[command(after_help = listen::EXAMPLES)]
    Listen(listen::Listen),
    /// Send one signed sample of an event
    #[command(after_help = trigger::EXAMPLES)]
    Trigger(trigger::Trigger),
    /// Verify webhook signatures and print tenant secrets
    Webhook(webhook::Webhook),
    /// Submit files
    #[command(after_help = "Examples:\n  \
        morag submit report.pdf --follow\n  \
        morag submit *.docx --webhook-url http://localhost:8001/webhook\n  \
        morag submit report.pdf --page-range 2-5 --include-images figures --follow\n  \
        morag submit report.pdf --document-id report-7 --replace-existing")]
    Submit(submit::Submit),
    /// Show the status of a task
    #[command(after_help = "Example:\n  morag status 6f1c2d0e-9f0b-4b7e-8a39-1f4f5a0c7d11")]
    Status(show::Status),
    /// Show the events of a task
    #[command(after_help = "Example:\n  morag history 6f1c2d0e-9f0b-4b7e-8a39-1f4f5a0c7d11 --order asc")]
    History(show::History),
    /// Cancel a task
    #[command(after_help = "Example:\n  morag cancel 6f1c2d0e-9f0b-4b7e-8a39-1f4f5a0c7d11")]
    Cancel(show::Cancel),
    /// Back up the data folder of the embedded store; its server may be running
    #[command(after_help = backup::BACKUP_EXAMPLES)]
    Backup(backup::Folders),
    /// Restore a backup into an empty data folder
    #[command(after_help = backup::RESTORE_EXAMPLES)]
    Restore(backup::Restore),
    /// Create, build, test, run and inspect steps
    Plugin(morag_devtools::Plugin),
    /// Compile a component from standard input; the server runs this itself
    #[command(
        hide = true,
        after_help = "Example, as the server runs it:\n  morag compile-component 1610612736 120 optimised"
    )]
    CompileComponent(CompileComponent),
    /// Create API keys
    Key(key::Key),
    /// Add and list models, which read text in pictures
    Models(models::Models),
    /// Check, create and list settings
    Config(config::ConfigArgs),
}

#[derive(Debug, Args)]
struct Serve {
    /// Settings file; by default ./morag.toml, if it exists
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS")]
    host: Option<String>,
    /// Port to listen on; 0 lets the system choose
    #[arg(long, value_name = "PORT")]
    port: Option<String>,
    /// Folder of the embedded store, the files and the compiled components
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<String>,
    /// Folder of the step components (*.wasm)
    #[arg(long, value_name = "FOLDER")]
    plugins_dir: Option<String>,
    /// Roles of this process: all, or a list of api, worker and dispatcher; a list requires REDIS_URL
    #[arg(long, value_name = "LIST")]
    role: Option<String>,
    /// Maximum number of tasks that run at the same time
    #[arg(long, value_name = "N")]
    concurrency: Option<String>,
    /// Time that running tasks have to finish after SIGTERM before they return to the queue
    #[arg(long, value_name = "SECONDS")]
    drain_timeout: Option<String>,
}

#[derive(Debug, Args)]
struct CompileComponent {
    /// Memory limit in bytes
    memory_bytes: u64,
    /// CPU time limit in seconds
    cpu_seconds: u64,
    /// Kind of code: optimised or baseline
    tier: Tier,
}

impl Serve {
    /// The given flags as `(setting, flag, value)`; the settings' own checks apply to the values.
    fn flags(&self) -> Vec<(&'static str, &'static str, String)> {
        let flags = [
            ("api_host", "--host", &self.host),
            ("api_port", "--port", &self.port),
            ("data_dir", "--data-dir", &self.data_dir),
            ("plugins_dir", "--plugins-dir", &self.plugins_dir),
            ("role", "--role", &self.role),
            ("worker_concurrency", "--concurrency", &self.concurrency),
            ("drain_timeout", "--drain-timeout", &self.drain_timeout),
        ];
        flags.into_iter().filter_map(|(key, flag, value)| Some((key, flag, value.clone()?))).collect()
    }
}

/// Parses the command line and runs its command.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::CompileComponent(CompileComponent { memory_bytes, cpu_seconds, tier }) = cli.command {
        // Before any other set-up: memory in use already counts towards the limit.
        let cpu_time_max = std::time::Duration::from_secs(cpu_seconds);
        return compile_child(CompileLimits { memory_bytes_max: memory_bytes, cpu_time_max }, tier);
    }
    match run(cli.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("morag: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    // Fails only if a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        runtime.context("cannot start the async runtime")
    };
    match command {
        Command::Serve(serve) => {
            let sources = Sources { flags: serve.flags(), ..Sources::of_process(serve.config.as_deref()) };
            let config = settings::load(&sources)?;
            let runtime = runtime()?;
            let telemetry = crate::telemetry::init(&config)?;
            let served = runtime.block_on(crate::wire::serve(config));
            telemetry.finish();
            // Does not wait for blocking threads: a compilation in progress has no use any more.
            runtime.shutdown_background();
            served?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Listen(command) => runtime()?.block_on(listen::run(command)),
        Command::Trigger(command) => runtime()?.block_on(trigger::run(command)),
        Command::Webhook(command) => webhook::run(command),
        Command::Submit(command) => runtime()?.block_on(submit::run(command)),
        Command::Status(command) => runtime()?.block_on(show::status(command)),
        Command::History(command) => runtime()?.block_on(show::history(command)),
        Command::Cancel(command) => runtime()?.block_on(show::cancel(command)),
        Command::Backup(folders) => backup::backup(&folders),
        Command::Restore(command) => backup::restore(&command),
        Command::Plugin(command) => runtime()?.block_on(morag_devtools::run(command, find_plugins_dir)),
        Command::CompileComponent(_) => unreachable!("handled in `main`"),
        Command::Key(command) => key::run(command),
        Command::Models(command) => runtime()?.block_on(models::run(command)),
        Command::Config(command) => config::run(command),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_runtime_calls_the_compiling_command_by_its_name() {
        let cli = Cli::parse_from(["morag", morag_runtime::CompilerProgram::COMMAND, "1024", "60", "baseline"]);
        assert!(matches!(cli.command, Command::CompileComponent(_)));
    }

    #[test]
    fn flags_of_serve_are_settings() {
        let flags = "--host ::1 --port 9000 --data-dir a --plugins-dir b --role api --concurrency 2 --drain-timeout 3";
        let cli = Cli::parse_from(["morag", "serve"].into_iter().chain(flags.split(' ')));
        let Command::Serve(serve) = cli.command else { panic!("another command") };
        let known =
            |(key, ..): &(&str, &str, String)| morag_engine::config::SETTINGS.iter().any(|setting| setting.key == *key);
        assert!(serve.flags().len() == 7 && serve.flags().iter().all(known), "{:?}", serve.flags());
    }

    #[test]
    fn every_command_has_an_example_or_commands_of_its_own() {
        let mut commands: Vec<_> = Cli::command().get_subcommands().cloned().collect();
        // A command without arguments needs no example.
        while let Some(command) = commands.pop() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let takes_something = command.get_arguments().next().is_some();
            let is_explained = help.contains("Example") || command.has_subcommands() || !takes_something;
            assert!(is_explained, "{}", command.get_name());
            commands.extend(command.get_subcommands().cloned());
        }
    }

    #[test]
    fn every_long_option_for_webhooks_is_in_an_example() {
        let cli = Cli::command();
        let of = |path: &[&str]| {
            path.iter().fold(cli.clone(), |command, name| command.find_subcommand(name).expect("a command").clone())
        };
        for path in [&["listen"][..], &["trigger"], &["webhook", "verify"]] {
            let command = of(path);
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for option in command.get_arguments().filter_map(clap::Arg::get_long) {
                assert!(help.contains(&format!("--{option}")), "{path:?} --{option}");
            }
        }
    }

    #[test]
    fn a_secret_is_in_no_help_and_no_debug_output() {
        let arguments = ["morag", "listen", "--secret", "s3cr3t-value", "--auth-token", "t0ken-value"];
        let shown = format!("{:?}", Cli::parse_from(arguments));
        assert!(!shown.contains("s3cr3t-value") && !shown.contains("t0ken-value"), "{shown}");
    }
}
