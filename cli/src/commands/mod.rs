//! The commands, one file or folder each, and how they are interrupted.

mod analyze;
mod audit;
mod demo;
mod energy;
mod functions;
mod holdings;
mod index;
mod interrupt;
mod reference;
mod rows;
mod run;
mod serve;
mod sql;
mod status;
mod store;
mod tables;
mod user;
mod verify;

use std::future::Future;
use std::io;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use crate::args::{Args, Command, IndexArgs, IndexChain, LogFormat};
use crate::config::Config;
use crate::exit::Outcome;
use crate::progress::Verbosity;

/// Carries out what was typed.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let load = |chain| {
        let config = Config::load(&args.global, chain)?;
        start_logs(config.verbosity, config.log_format);
        anyhow::Ok(config)
    };
    match &args.command {
        Command::Index(IndexArgs { chain }) => {
            let config = load(Some(chain))?;
            match chain {
                IndexChain::Bitcoin(typed) => wait(index::bitcoin::run(&config, typed)),
                IndexChain::Ethereum(typed) => wait(index::ethereum::run(&config, typed)),
            }
        }
        Command::Demo(typed) => wait(demo::run(&load(None)?, typed)),
        Command::Sql(typed) => wait(sql::run(&load(None)?, typed)),
        Command::Tables(typed) => tables::run(typed),
        Command::Functions(typed) => functions::run(typed),
        Command::Status(typed) => wait(status::run(&load(None)?, typed)),
        Command::Verify(typed) => wait(verify::run(&load(None)?, typed)),
        Command::Analyze(typed) => wait(analyze::run(&load(None)?, typed)),
        Command::Holdings(typed) => wait(holdings::run(&load(None)?, typed)),
        Command::Energy(typed) => wait(energy::run(&load(None)?, typed)),
        Command::Reference(typed) => reference::run(&load(None)?, typed),
        Command::Store(typed) => wait(store::run(&load(None)?, typed)),
        Command::Serve(typed) => wait(serve::run(&load(None)?, typed)),
        Command::User(typed) => user::run(&load(None)?, typed),
        Command::Audit(typed) => audit::run(&load(None)?, typed),
    }
}

/// Runs `command` to its end on all cores.
fn wait(command: impl Future<Output = anyhow::Result<Outcome>>) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the threads that run queries")?;
    let outcome = runtime.block_on(command);
    // A query that was cancelled may still be reading: nobody waits for it.
    runtime.shutdown_background();
    outcome
}

/// Sends log lines to stderr: as many as were asked for, or as `ASSAY_LOG` says
/// (`ASSAY_LOG=assay_indexer=debug`).
fn start_logs(verbosity: Verbosity, format: LogFormat) {
    let default = match verbosity {
        Verbosity::Quiet => "error",
        Verbosity::Normal => "warn",
        Verbosity::Logs(0) => "warn,assay=info",
        Verbosity::Logs(1) => {
            "warn,assay=info,assay_indexer=info,assay_query=info,assay_serve=info"
        }
        Verbosity::Logs(_) => {
            "info,assay=debug,assay_indexer=debug,assay_query=debug,assay_serve=debug"
        }
    };
    let filter = EnvFilter::try_from_env("ASSAY_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    // At debug level it logs a node's whole address, which may hold a key.
    let silent = "alloy_transport_http=info".parse().expect("a directive");
    let filter = filter.add_directive(silent);
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => logs.init(),
        LogFormat::Json => logs.json().flatten_event(true).init(),
    }
}
