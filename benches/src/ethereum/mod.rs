//! Decoding and indexing Ethereum: blocks in memory, archives, and a node.

pub mod archive;
pub mod chain;
pub mod node;
pub mod real;
pub mod rows;
mod template;
mod told;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use assay_indexer::decode::Decode;
use assay_indexer::decode::ethereum::{Decoder, Rules};
use assay_indexer::pipeline::Nothing;
use assay_indexer::progress::Silent;
use assay_indexer::raw::ethereum::RawBlock;
use assay_indexer::sink::Wanted;
use assay_indexer::sink::lake::LakeSink;
use assay_indexer::source::Source;
use assay_indexer::source::ethereum_files::{EthereumFiles, EthereumFilesOptions};
use assay_indexer::source::ethereum_rpc::{Rpc, RpcOptions};
use assay_model::ethereum::Network;
use assay_model::{Batch, Chain};

use crate::follow::{self, Announcing, Seen};
use crate::runtime;

/// Blocks that are read from files at once.
const READ_BYTES: u64 = 16 << 20;

fn decoder() -> Decoder {
    Decoder { rules: Arc::new(Rules::of(Network::MAINNET)), genesis: None, with_traces: false }
}

/// Checks and decodes `blocks`, as one batch.
///
/// # Panics
///
/// If one of them is not valid.
pub fn decode(blocks: &[RawBlock]) -> Batch {
    decoder().decode(blocks).unwrap_or_else(|(_, error)| panic!("{error}"))
}

/// Reads and checks all blocks of the archives in `dir`, on one thread; returns the bytes of the
/// blocks, unpacked.
///
/// # Panics
///
/// If they are damaged.
pub fn read_archives(dir: &Path) -> u64 {
    let options = EthereumFilesOptions { dir: dir.to_owned() };
    let source = EthereumFiles::open(options, &Silent).expect("a folder of archives");
    runtime(1).block_on(async {
        let tip = source.tip().await.expect("a tip").expect("blocks");
        let (mut bytes, mut start) = (0, source.first_height());
        while start <= tip.height {
            let end = source.plan(start..tip.height + 1, READ_BYTES);
            let attempt = source.fetch(start..end).await;
            assert!(attempt.failure.is_none(), "{:?}", attempt.failure);
            let sizes = attempt.done.iter().map(|raw| raw.bytes.len() + raw.receipts.len());
            bytes += sizes.sum::<usize>() as u64;
            start = end;
        }
        bytes
    })
}

/// Indexes what the node at `url` has from `first` on into a new lake in `lake`, on `threads`
/// threads; returns the bytes of block data.
///
/// # Panics
///
/// If it fails.
pub fn index(url: &str, first: u64, lake: &Path, threads: usize) -> u64 {
    let sink = new_lake(lake, first);
    runtime(threads).block_on(async {
        let source = Arc::new(Rpc::connect(RpcOptions::new(url)).await.expect("a node"));
        crate::run(source, Nothing, decoder(), sink, threads).await
    })
}

/// Announces the last `blocks` blocks of the node at `url` one by one to whoever follows them from
/// `first` on into a new lake in `lake`; returns what became of each.
///
/// # Panics
///
/// If it fails.
pub fn latencies(url: &str, first: u64, lake: &Path, blocks: u64) -> Vec<Seen> {
    let sink = new_lake(lake, first);
    runtime(2).block_on(async {
        let source = Rpc::connect(RpcOptions::new(url)).await.expect("a node");
        let tip = source.tip().await.expect("a node").expect("blocks").height;
        let source = Arc::new(Announcing::new(source, tip - blocks));
        follow::latencies(source, Nothing, decoder(), sink, blocks).await
    })
}

fn new_lake(lake: &Path, first: u64) -> LakeSink {
    let (network, extras) = (Network::MAINNET.to_string(), BTreeSet::new());
    let wanted = Wanted { chain: Chain::Ethereum, network, from: Some(first), extras };
    LakeSink::open(lake, &wanted).expect("a new lake")
}
