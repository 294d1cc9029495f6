//! `assay index`: reads blocks, decodes them and adds them to the lake.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use assay_indexer::decode::Decoder;
use assay_indexer::pipeline::{self, MAX_DECODES, Options, Summary};
use assay_indexer::progress::Progress;
use assay_indexer::sink::lake::LakeSink;
use assay_indexer::source::Source;
use assay_indexer::source::block_files::{BlockFiles, BlockFilesOptions, blocks_dir};
use assay_model::lake::RunInfo;

use crate::args::IndexBitcoinArgs;
use crate::config::Config;
use crate::exit::Outcome;
use crate::human;
use crate::progress::{IndexBars, Verbosity};

/// Folder of the store of unspent outputs, within the chain's folder of the lake.
const UTXO_DIR: &str = ".utxo";

/// `assay index bitcoin`.
pub async fn bitcoin(config: &Config, typed: &IndexBitcoinArgs) -> anyhow::Result<Outcome> {
    let dir = config.bitcoin.blocks_dir.as_ref().context(
        "no block files: name Bitcoin Core's folder with --blocks-dir DIR (like ~/.bitcoin/blocks), \
         with ASSAY_BLOCKS_DIR, or as blocks_dir under [bitcoin] in assay.toml",
    )?;
    let cores = || available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = config.bitcoin.threads.map_or_else(cores, std::num::NonZero::get);
    let progress: Arc<dyn Progress> = Arc::new(IndexBars::new(config.verbosity));
    let source = open(config, typed, blocks_dir(dir), threads, &*progress)?;
    let network = source.network();
    let sink = LakeSink::open(&config.lake_dir, network, config.bitcoin.with_scripts)?;
    let decoder = Decoder { network, with_scripts: sink.info().with_scripts };
    let options = Options {
        last: typed.to,
        max_reorg: typed.max_reorg,
        ..Options::new(threads.min(MAX_DECODES), sink.dir().join(UTXO_DIR))
    };

    let (source, sink) = (Arc::new(source), Arc::new(sink));
    let stop = stop_on_interrupt();
    let started = (SystemTime::now(), Instant::now());
    let run =
        pipeline::run(Arc::clone(&source), Arc::clone(&sink), decoder, &options, progress, &stop);
    let summary = run.await.with_context(|| format!("indexing {} stopped", dir.display()))?;
    let run = run_info(summary, started);
    if run.from < run.to {
        sink.record_run(&run)?;
    }
    if config.verbosity != Verbosity::Quiet {
        report(&run, summary);
    }
    if !config.bitcoin.ignore_unlinked && !summary.stopped {
        source.check_linked()?;
    }
    Ok(Outcome::Done)
}

fn open(
    config: &Config,
    typed: &IndexBitcoinArgs,
    dir: PathBuf,
    threads: usize,
    progress: &dyn Progress,
) -> anyhow::Result<BlockFiles> {
    let network = config.bitcoin.network;
    let options = BlockFilesOptions { dir, network, ignore_undo: typed.ignore_undo, threads };
    let source = BlockFiles::open(options, progress)?;
    if config.verbosity != Verbosity::Quiet {
        for damage in source.damages() {
            eprintln!("assay: warning: {damage}");
        }
    }
    Ok(source)
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
