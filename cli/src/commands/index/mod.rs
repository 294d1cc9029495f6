//! `assay index`: reads blocks, decodes them and adds them to the lake.

pub mod bitcoin;
pub mod ethereum;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use assay_indexer::decode::Decode;
use assay_indexer::pipeline::{self, Complete, MAX_DECODES, Options, PipelineError, Summary};
use assay_indexer::progress::Progress;
use assay_indexer::sink::lake::LakeSink;
use assay_indexer::source::Source;
use assay_model::lake::RunInfo;

use crate::config::Config;
use crate::human;
use crate::progress::Verbosity;

/// Threads that work: as many as were asked for, or one a core.
fn threads(asked: Option<NonZeroUsize>) -> usize {
    let cores = || available_parallelism().map_or(1, NonZeroUsize::get);
    asked.map_or_else(cores, NonZeroUsize::get).min(MAX_DECODES)
}

/// Brings the lake up to the tip of `source`, which `place` names, and says what was done.
async fn run<S, D>(
    config: &Config,
    source: (Arc<S>, String),
    completer: impl Complete<S::Block> + 'static,
    decoder: D,
    sink: LakeSink,
    options: Options,
    progress: Arc<dyn Progress>,
) -> anyhow::Result<Summary>
where
    S: Source + 'static,
    D: Decode<Block = S::Block>,
    PipelineError: From<D::Error>,
{
    let (source, place) = source;
    let (sink, stop) = (Arc::new(sink), stop_on_interrupt());
    let started = (SystemTime::now(), Instant::now());
    let to = Arc::clone(&sink);
    let run = pipeline::run(source, completer, decoder, to, &options, progress, &stop);
    let summary = run.await.with_context(|| format!("indexing {place} stopped"))?;
    let run = run_info(summary, started);
    if run.from < run.to {
        sink.record_run(&run)?;
    }
    if config.verbosity != Verbosity::Quiet {
        report(&run, summary);
    }
    Ok(summary)
}

/// A flag that the first Ctrl-C sets; the second ends the program at once.
fn stop_on_interrupt() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            if flag.swap(true, Ordering::Relaxed) {
                std::process::exit(130); // as the shell reports SIGINT; the lake allows it
            }
            eprintln!("assay: stopping after the blocks under way; again to stop at once");
        }
    });
    stop
}

fn run_info(summary: Summary, started: (SystemTime, Instant)) -> RunInfo {
    RunInfo {
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        started: started.0.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        seconds: started.1.elapsed().as_secs_f64(),
        from: summary.from,
        to: summary.to,
        block_bytes: summary.block_bytes,
    }
}

/// One line about what was done.
fn report(run: &RunInfo, summary: Summary) {
    if summary.reverted > 0 {
        eprintln!("the chain was reorganised: {} blocks were replaced", summary.reverted);
    }
    let blocks = run.to - run.from;
    if blocks == 0 {
        eprintln!("nothing new: the lake is at height {}", run.to.saturating_sub(1));
        return;
    }
    eprintln!(
        "{} {blocks} blocks, heights {} to {}, {} in {:.1} s: {:.0} blocks/s, {:.1} MB/s",
        if summary.stopped { "stopped after" } else { "indexed" },
        run.from,
        run.to - 1,
        human::bytes(run.block_bytes),
        run.seconds,
        blocks as f64 / run.seconds,
        run.block_bytes as f64 / 1e6 / run.seconds,
    );
}
