//! `assay index bitcoin`.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use assay_indexer::decode::bitcoin::Decoder;
use assay_indexer::pipeline::{Options, Pipeline, Prevouts};
use assay_indexer::progress::Progress;
use assay_indexer::sink::lake::{LakeSink, Wanted};
use assay_indexer::source::block_files::{BlockFiles, BlockFilesOptions, blocks_dir};
use assay_model::Chain;
use assay_model::lake::Extra;

use crate::args::IndexBitcoinArgs;
use crate::config::Config;
use crate::exit::Outcome;
use crate::progress::IndexBars;

/// Folder of the store of unspent outputs, within the chain's folder of the lake.
const UTXO_DIR: &str = ".utxo";

/// `assay index bitcoin`.
pub async fn run(config: &Config, typed: &IndexBitcoinArgs) -> anyhow::Result<Outcome> {
    let dir = config.bitcoin.blocks_dir.as_ref().context(
        "no block files: name Bitcoin Core's folder with --blocks-dir DIR (like ~/.bitcoin/blocks), \
         with ASSAY_BLOCKS_DIR, or as blocks_dir under [bitcoin] in assay.toml",
    )?;
    let threads = super::threads(config.bitcoin.threads);
    let progress: Arc<dyn Progress> = Arc::new(IndexBars::new(config.verbosity));
    let source = Arc::new(open(config, typed, blocks_dir(dir), threads, &*progress)?);
    let network = source.network();
    let extras = config.bitcoin.with_scripts.then_some(Extra::Scripts).into_iter().collect();
    let (chain, name) = (Chain::Bitcoin, network.to_string());
    let wanted = Wanted { chain, network: name, from: None, extras };
    let sink = LakeSink::open(&config.lake_dir, &wanted)?;
    let with_scripts = sink.info().extras.contains(&Extra::Scripts);
    let decoder = Decoder { network, with_scripts };
    let options = Options { last: typed.to, max_reorg: typed.max_reorg, ..Options::new(threads) };
    let prevouts =
        Prevouts::new(Arc::clone(&source), sink.dir().join(UTXO_DIR), Arc::clone(&progress));
    let pipeline = Pipeline {
        source,
        completer: Arc::new(prevouts.into()),
        decoder,
        sink: Arc::new(sink),
        options,
        progress,
        stop: super::stop_on_signal(config.verbosity)?,
    };
    let summary = super::run(config, &dir.display().to_string(), &pipeline).await?;
    if !config.bitcoin.ignore_unlinked && !summary.stopped {
        pipeline.source.check_linked()?;
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
    for damage in source.damages() {
        config.verbosity.warn(damage);
    }
    Ok(source)
}
