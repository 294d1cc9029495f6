//! `assay index bitcoin`.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use assay_indexer::decode::bitcoin::Decoder;
use assay_indexer::pipeline::{Options, Pipeline, Prevouts};
use assay_indexer::progress::Progress;
use assay_indexer::raw::bitcoin::RawBlock;
use assay_indexer::sink::{Sink, StoreSink, Wanted};
use assay_indexer::source::Source;
use assay_indexer::source::bitcoin_node::{BitcoinNode, Login, NodeOptions};
use assay_indexer::source::block_files::{BlockFiles, BlockFilesOptions, blocks_dir};
use assay_indexer::stop::Stop;
use assay_model::lake::Extra;
use assay_model::{Chain, Network};

use crate::args::IndexBitcoinArgs;
use crate::config::Config;
use crate::exit::Outcome;
use crate::progress::IndexBars;

/// Folder of the store of unspent outputs, within the chain's folder of the lake; also where the rows
/// go to a server.
const UTXO_DIR: &str = ".utxo";

/// `assay index bitcoin`.
pub async fn run(config: &Config, typed: &IndexBitcoinArgs) -> anyhow::Result<Outcome> {
    let bitcoin = &config.bitcoin;
    ensure!(
        bitcoin.blocks_dir.is_some() || bitcoin.node.is_some(),
        "no source: name Bitcoin Core's folder with --blocks-dir DIR (like ~/.bitcoin/blocks), or a \
         node with --node URL (like http://127.0.0.1:8332); with ASSAY_BLOCKS_DIR or ASSAY_NODE; or as \
         blocks_dir or node under [bitcoin] in assay.toml"
    );
    ensure!(
        bitcoin.node.is_some() || !typed.follow,
        "block files announce nothing: --follow needs a node, named with --node URL"
    );
    let progress: Arc<dyn Progress> = Arc::new(IndexBars::new(config.verbosity));
    let listen = bitcoin.listen.filter(|_| typed.follow);
    let (_service, progress) = super::watched(listen, Chain::Bitcoin, progress).await?;
    // First, so that a wrong password is found before hours of work.
    let node = match &bitcoin.node {
        Some(url) => Some(connect(config, url).await?),
        None => None,
    };
    let files = match &bitcoin.blocks_dir {
        Some(dir) => Some((open(config, typed, dir, &*progress)?, dir.display().to_string())),
        None => None,
    };
    let networks =
        [files.as_ref().map(|(files, _)| files.network()), node.as_ref().map(BitcoinNode::network)];
    let network = match networks {
        [Some(files), Some(node)] if files != node => {
            bail!(
                "the block files are of {files} and the node is in {node}: name those of one network"
            )
        }
        [files, node] => files.or(node).context("one of them is there")?,
    };
    let (stop, _waiting) = super::stop_on_signal(config.verbosity)?;
    let indexing = Indexing {
        config,
        typed,
        network,
        sink: Arc::new(open_store(config, network).await?),
        progress,
        stop,
    };
    if let Some((files, place)) = files {
        let pipeline = indexing.pipeline(files);
        let summary = super::run(config, &place, &pipeline).await?;
        if summary.stopped {
            return Ok(Outcome::Done);
        }
        // What the files lack, a node has.
        if node.is_none() && !bitcoin.ignore_unlinked() {
            pipeline.source.check_linked()?;
        }
    }
    if let Some(node) = node {
        let place = node.url().to_owned();
        let pipeline = indexing.pipeline(node);
        if typed.follow {
            super::follow(config, &place, &pipeline).await?;
        } else {
            super::run(config, &place, &pipeline).await?;
        }
    }
    Ok(Outcome::Done)
}

/// What indexing from files and from a node has in common.
struct Indexing<'a> {
    config: &'a Config,
    typed: &'a IndexBitcoinArgs,
    network: Network,
    sink: Arc<StoreSink>,
    progress: Arc<dyn Progress>,
    stop: Stop,
}

impl Indexing<'_> {
    /// What brings the blocks of `source` into the store.
    fn pipeline<S>(&self, source: S) -> Pipeline<S, Prevouts<S>, Decoder, StoreSink>
    where
        S: Source<Block = RawBlock> + 'static,
    {
        let source = Arc::new(source);
        let utxo_dir = self.config.lake_dir.join(Chain::Bitcoin.name()).join(UTXO_DIR);
        let prevouts = Prevouts::new(Arc::clone(&source), utxo_dir, Arc::clone(&self.progress));
        let with_scripts = self.sink.info().extras.contains(&Extra::Scripts);
        let threads = super::threads(self.config.bitcoin.threads);
        Pipeline {
            source,
            completer: Arc::new(prevouts.into()),
            decoder: Decoder { network: self.network, with_scripts },
            sink: Arc::clone(&self.sink),
            options: Options {
                last: self.typed.to,
                max_reorg: self.typed.max_reorg,
                ..Options::new(threads)
            },
            progress: Arc::clone(&self.progress),
            stop: self.stop.clone(),
        }
    }
}

async fn open_store(config: &Config, network: Network) -> anyhow::Result<StoreSink> {
    let extras = config.bitcoin.with_scripts().then_some(Extra::Scripts).into_iter().collect();
    let (chain, network) = (Chain::Bitcoin, network.to_string());
    let wanted = Wanted { chain, network, from: None, extras };
    super::open_store(config, &wanted).await
}

/// Connects to the node at `url`.
async fn connect(config: &Config, url: &str) -> anyhow::Result<BitcoinNode> {
    let bitcoin = &config.bitcoin;
    let login = match (&bitcoin.cookie, &bitcoin.user, &bitcoin.password_file) {
        (Some(cookie), None, None) => Login::Cookie(cookie.clone()),
        (None, Some(user), Some(file)) => {
            Login::Password { user: user.clone(), file: file.clone() }
        }
        (None, None, None) => Login::Url,
        _ => bail!("say who asks with --cookie FILE, or with --user NAME and --password-file FILE"),
    };
    let (zmq, network) = (bitcoin.zmq.clone(), bitcoin.network);
    let node = BitcoinNode::connect(NodeOptions { login, zmq, network, ..NodeOptions::new(url) });
    let node = node.await?;
    if node.is_synchronising() {
        config.verbosity.warn("the node is still downloading the chain");
    }
    if !node.tells_spent() {
        config.verbosity.warn(
            "the node does not say what blocks spend: that is computed from the chain itself, which \
             takes long at the first time",
        );
    }
    Ok(node)
}

fn open(
    config: &Config,
    typed: &IndexBitcoinArgs,
    dir: &Path,
    progress: &dyn Progress,
) -> anyhow::Result<BlockFiles> {
    let (network, threads) = (config.bitcoin.network, super::threads(config.bitcoin.threads));
    let dir = blocks_dir(dir);
    let options = BlockFilesOptions { dir, network, ignore_undo: typed.ignore_undo, threads };
    let source = BlockFiles::open(options, progress)?;
    for damage in source.damages() {
        config.verbosity.warn(damage);
    }
    Ok(source)
}
