//! `assay index`: reads blocks, decodes them and adds them to the store.

pub mod bitcoin;
pub mod ethereum;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;

use anyhow::Context;
use assay_indexer::decode::Decode;
use assay_indexer::pipeline::{
    Complete, MAX_DECODES, MOST_PIECES, Pipeline, PipelineError, Summary,
};
use assay_indexer::progress::Progress;
use assay_indexer::service::Service;
use assay_indexer::sink::clickhouse::ClickHouseSink;
use assay_indexer::sink::lake::LakeSink;
use assay_indexer::sink::{Sink, StoreSink, Wanted};
use assay_indexer::source::{Live, Source};
use assay_indexer::stop::{self, Stop};
use assay_model::Chain;
use assay_model::lake::RunInfo;
use tokio::task::JoinSet;

use crate::commands::run::Began;
use crate::config::Config;
use crate::human;
use crate::progress::Verbosity;
use crate::store::Store;

/// Threads that work: as many as were asked for, or one a core.
fn threads(asked: Option<NonZeroUsize>) -> usize {
    let cores = || available_parallelism().map_or(1, NonZeroUsize::get);
    asked.map_or_else(cores, NonZeroUsize::get).min(MAX_DECODES)
}

/// Opens the store that rows go to.
async fn open_store(config: &Config, wanted: &Wanted) -> anyhow::Result<StoreSink> {
    Ok(match &config.store {
        Store::Lake => StoreSink::Lake(LakeSink::open(&config.lake_dir, wanted)?),
        Store::ClickHouse(server) => {
            let sink = ClickHouseSink::open(server.connect()?, wanted).await?;
            StoreSink::ClickHouse(Box::new(sink))
        }
    })
}

/// Brings the store up to the tip of the source, which `place` names, and says what was done.
async fn run<S, C, D>(
    config: &Config,
    place: &str,
    pipeline: &Pipeline<S, C, D, StoreSink>,
) -> anyhow::Result<Summary>
where
    S: Source + 'static,
    C: Complete<S::Block> + 'static,
    D: Decode<Block = S::Block>,
    PipelineError: From<D::Error>,
{
    let sink = &pipeline.sink;
    let work = async {
        let summary = pipeline.run().await?;
        // What many short runs left behind.
        sink.compact(MOST_PIECES).await?;
        Ok(summary)
    };
    recorded(config, place, sink, work).await
}

/// Keeps the store at the tip of the source, which `place` names, until it is to end.
async fn follow<S, C, D>(
    config: &Config,
    place: &str,
    pipeline: &Pipeline<S, C, D, StoreSink>,
) -> anyhow::Result<Summary>
where
    S: Live + 'static,
    C: Complete<S::Block> + 'static,
    D: Decode<Block = S::Block>,
    PipelineError: From<D::Error>,
{
    recorded(config, place, &pipeline.sink, pipeline.follow()).await
}

/// The endpoint at `address`, if there is to be one, and `progress` that it hears of, too. The
/// endpoint ends with the value.
async fn watched(
    address: Option<SocketAddr>,
    chain: Chain,
    progress: Arc<dyn Progress>,
) -> anyhow::Result<(Option<Service>, Arc<dyn Progress>)> {
    let Some(address) = address else { return Ok((None, progress)) };
    let service = Service::start(address, chain).await?;
    tracing::info!(address = %service.address(), "listening");
    let progress = service.watch(progress);
    Ok((Some(service), progress))
}

/// Does `work`, which reads from `place`, and says what was done, now and to those who ask later.
async fn recorded(
    config: &Config,
    place: &str,
    sink: &StoreSink,
    work: impl Future<Output = Result<Summary, PipelineError>>,
) -> anyhow::Result<Summary> {
    let began = Began::now();
    let summary = work.await.with_context(|| format!("indexing {place} stopped"))?;
    let run = began.ends(summary.from..summary.to, summary.block_bytes);
    if run.from < run.to {
        sink.record_run(&run).await?;
    }
    report(config.verbosity, &run, summary);
    Ok(summary)
}

/// The wish that the first Ctrl-C or SIGTERM makes; the second ends the program at once. Both are
/// waited for as long as the set is there.
fn stop_on_signal(verbosity: Verbosity) -> anyhow::Result<(Stop, JoinSet<()>)> {
    let (stopper, stop) = stop::stop();
    let mut signals = Signals::new().context("cannot wait for signals")?;
    let mut waiting = JoinSet::new();
    waiting.spawn(async move {
        loop {
            let code = signals.next().await;
            if stopper.stop() {
                std::process::exit(code); // the store allows it
            }
            verbosity.remark("assay: stopping after the blocks under way; again to stop at once");
        }
    });
    Ok((stop, waiting))
}

/// The signals that ask for an end.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Signals { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next; returns the exit code by which shells report it.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Signals> {
        Ok(Signals)
    }

    async fn next(&mut self) -> i32 {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        130
    }
}

/// One line about what was done.
fn report(verbosity: Verbosity, run: &RunInfo, summary: Summary) {
    if summary.reverted > 0 {
        let reverted = summary.reverted;
        verbosity
            .remark(format_args!("the chain was reorganised: {reverted} blocks were replaced"));
    }
    let blocks = run.to - run.from;
    if blocks == 0 && summary.stopped {
        verbosity.remark("stopped: nothing was added");
        return;
    }
    if blocks == 0 {
        let height = run.to.saturating_sub(1);
        verbosity.remark(format_args!("nothing new: the store is at height {height}"));
        return;
    }
    verbosity.remark(format_args!(
        "{} {blocks} blocks, heights {} to {}, {} in {:.1} s: {:.0} blocks/s, {:.1} MB/s",
        if summary.stopped { "stopped after" } else { "indexed" },
        run.from,
        run.to - 1,
        human::bytes(run.block_bytes),
        run.seconds,
        blocks as f64 / run.seconds,
        run.block_bytes as f64 / 1e6 / run.seconds,
    ));
}
