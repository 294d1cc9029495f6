//! `assay index ethereum`.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use assay_indexer::decode::ethereum::{Decoder, Genesis, Rules};
use assay_indexer::pipeline::{Nothing, Options, Pipeline};
use assay_indexer::progress::Progress;
use assay_indexer::raw::ethereum::RawBlock;
use assay_indexer::sink::{Sink, SinkError, StoreSink, Wanted};
use assay_indexer::source::Source;
use assay_indexer::source::ethereum_files::{EthereumFiles, EthereumFilesOptions};
use assay_indexer::source::ethereum_rpc::{Rpc, RpcOptions};
use assay_indexer::stop::Stop;
use assay_model::Chain;
use assay_model::ethereum::{DAO_FORK_HEIGHT, Network};
use assay_model::lake::Extra;

use crate::args::IndexEthereumArgs;
use crate::config::Config;
use crate::exit::Outcome;
use crate::progress::IndexBars;

/// `assay index ethereum`.
pub async fn run(config: &Config, typed: &IndexEthereumArgs) -> anyhow::Result<Outcome> {
    let progress: Arc<dyn Progress> = Arc::new(IndexBars::new(config.verbosity));
    let chain = &config.ethereum;
    let (stop, _waiting) = super::stop_on_signal(config.verbosity)?;
    match (&chain.rpc, &chain.era_dir) {
        (Some(url), None) => {
            let traces = !chain.without_traces.unwrap_or(false);
            // Only who follows has anything to say for long; it says so from the first request on.
            let listen = chain.listen.filter(|_| typed.follow);
            let (_service, progress) = super::watched(listen, Chain::Ethereum, progress).await?;
            let source =
                Rpc::connect(RpcOptions { traces, ..RpcOptions::new(url.as_str()) }).await?;
            let (network, has_traces) = (source.network(), source.has_traces());
            if traces && !has_traces {
                config.verbosity.warn(
                    "the node has no traces: what contracts transfer is not known, and balances \
                     are not whole",
                );
            }
            let has_dao_move = source.has_dao_balances();
            let told = Told { network: Some(network), has_traces, has_dao_move, first_height: 0 };
            let place = source.url().to_owned();
            let pipeline = prepare(config, typed, source, &place, told, progress, stop).await?;
            if typed.follow {
                super::follow(config, &place, &pipeline).await?;
            } else {
                super::run(config, &place, &pipeline).await?;
            }
        }
        (None, Some(_)) if typed.follow => {
            bail!("files do not grow: --follow needs a node, named with --rpc URL")
        }
        (None, Some(dir)) => {
            let source =
                EthereumFiles::open(EthereumFilesOptions { dir: dir.clone() }, &*progress)?;
            let (network, first_height) = (source.network(), source.first_height());
            let told = Told { network, has_traces: false, has_dao_move: false, first_height };
            let place = dir.display().to_string();
            let pipeline = prepare(config, typed, source, &place, told, progress, stop).await?;
            super::run(config, &place, &pipeline).await?;
        }
        (Some(_), Some(_)) => bail!("both a node and files are named: leave out one of them"),
        (None, None) => bail!(
            "no source: name a node with --rpc URL (like http://127.0.0.1:8545), or files with \
             --era-dir DIR; or as rpc or era_dir under [ethereum] in assay.toml"
        ),
    }
    Ok(Outcome::Done)
}

/// What a source says of itself.
struct Told {
    network: Option<Network>,
    has_traces: bool,
    has_dao_move: bool,
    first_height: u64,
}

/// Sets up what brings the blocks of `source`, which `place` names, into the store.
async fn prepare<S: Source<Block = RawBlock>>(
    config: &Config,
    typed: &IndexEthereumArgs,
    source: S,
    place: &str,
    told: Told,
    progress: Arc<dyn Progress>,
    stop: Stop,
) -> anyhow::Result<Pipeline<S, Nothing, Decoder, StoreSink>> {
    let chain = &config.ethereum;
    let (rules, genesis) = rules(chain.network.or(told.network), chain.genesis.as_deref())?;
    if let Some(network) = told.network {
        ensure!(
            network == rules.network,
            "{place} has network {network}, and {} is asked for: name the right source, or leave \
             out --network and --genesis",
            rules.network
        );
    }
    let from = typed.from.or((told.first_height > 0).then_some(told.first_height));
    let mut extras = BTreeSet::new();
    if genesis.is_some() {
        extras.insert(Extra::Genesis);
    }
    if told.has_traces {
        extras.insert(Extra::Traces);
        // Without traces, it would not make balances whole.
        if told.has_dao_move {
            extras.insert(Extra::DaoMove);
        }
    }
    let network = rules.network.to_string();
    let wanted = Wanted { chain: Chain::Ethereum, network, from, extras };
    let sink =
        super::open_store(config, &wanted).await.map_err(|error| match error.downcast_ref() {
            Some(SinkError::NoExtra { missing: Extra::Traces, .. }) => {
                error.context("the node has traces: with --without-traces they are left out")
            }
            _ => error,
        })?;
    let with_traces = sink.info().extras.contains(&Extra::Traces);
    ensure!(
        told.has_traces || !with_traces,
        "the store has traces and {place} has none, so what it adds would not be whole: name a node \
         that has them, or index into another store"
    );
    let next = sink.watermark().await?.map_or(sink.first_height(), |block| block.height + 1);
    ensure!(
        told.has_dao_move
            || next > DAO_FORK_HEIGHT
            || !sink.info().extras.contains(&Extra::DaoMove),
        "the store is to have {} (block {DAO_FORK_HEIGHT}), and {place} cannot say it: name an \
         archive node, or index into another store",
        Extra::DaoMove.name()
    );
    let decoder = Decoder { rules: Arc::new(rules), genesis, with_traces };
    let options = Options {
        last: typed.to,
        max_reorg: typed.max_reorg,
        ..Options::new(super::threads(chain.threads))
    };
    Ok(Pipeline {
        source: Arc::new(source),
        completer: Arc::new(Nothing.into()),
        decoder,
        sink: Arc::new(sink),
        options,
        progress,
        stop,
    })
}

/// The rules and the first accounts of `network`: those of the file `genesis`, or built-in ones.
fn rules(
    network: Option<Network>,
    genesis: Option<&Path>,
) -> anyhow::Result<(Rules, Option<Arc<Genesis>>)> {
    if let Some(path) = genesis {
        let read = || anyhow::Ok(Genesis::read(&std::fs::read(path)?)?);
        let (rules, genesis) =
            read().with_context(|| format!("cannot use the genesis file '{}'", path.display()))?;
        if let Some(network) = network {
            ensure!(
                network == rules.network,
                "the genesis file '{}' is of network {}, not of {network}: name the right one",
                path.display(),
                rules.network
            );
        }
        return Ok((rules, Some(Arc::new(genesis))));
    }
    let network = network.context(
        "these files do not say which network they are of: name it with --network NAME (mainnet, \
         sepolia, or a chain id), or give its genesis file with --genesis FILE",
    )?;
    let genesis = (network == Network::MAINNET).then(Genesis::mainnet);
    Ok((Rules::of(network), genesis))
}
