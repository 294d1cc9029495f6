//! `cargo bench -p assay-benches --bench ethereum_index`: real blocks of mainnet decoded, archives
//! read, and a node's chain indexed into a lake; the node is in the same process.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use assay_benches::ethereum::chain::MadeChain;
use assay_benches::ethereum::node::Node;
use assay_benches::ethereum::{archive, decode, index, read_archives, real};
use assay_fixtures::shared;
use assay_indexer::raw::ethereum::RawBlock;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

/// Blocks of the archive that is read, and of the node's chain.
const BLOCKS: u64 = 102;
/// The archive that is written: behind those of proof of work.
const EPOCH: u64 = 2800;

fn decoding(criterion: &mut Criterion, blocks: &[RawBlock]) {
    let unsigned: Vec<RawBlock> =
        blocks.iter().map(|raw| RawBlock { senders: None, ..raw.clone() }).collect();
    let mut group = criterion.benchmark_group("ethereum_decode");
    group.throughput(Throughput::Elements(real::transactions(blocks) as u64));
    group.bench_function("senders told", |bench| bench.iter(|| decode(blocks)));
    group.bench_function("senders recovered", |bench| bench.iter(|| decode(&unsigned)));
    group.finish();
}

fn archives(criterion: &mut Criterion, data: &Path, blocks: &[RawBlock]) {
    let made = tempfile::tempdir().expect("a directory");
    let chain = MadeChain::new(blocks.to_vec(), archive::first_height(EPOCH), BLOCKS);
    archive::write(&chain, made.path());
    let early = data.join("era1/mainnet-00000-5ec1ffb8.era1");
    let mut group = criterion.benchmark_group("ethereum_archives");
    group.sample_size(10);
    for (name, path) in [("early blocks", early.as_path()), ("blocks of today", made.path())] {
        group.throughput(Throughput::Bytes(read_archives(path)));
        group.bench_function(name, |bench| bench.iter(|| read_archives(path)));
    }
    group.finish();
}

fn indexing(criterion: &mut Criterion, blocks: Vec<RawBlock>) {
    let chain = MadeChain::new(blocks, archive::first_height(EPOCH), BLOCKS);
    let first = chain.blocks[0].height;
    let (node, listener) = (Node::new(chain), TcpListener::bind("127.0.0.1:0"));
    let listener = listener.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    std::thread::spawn(move || node.serve(&listener));
    let mut group = criterion.benchmark_group("ethereum_index");
    group.throughput(Throughput::Elements(BLOCKS)).sample_size(10);
    group.measurement_time(Duration::from_secs(20));
    for threads in [1, 2] {
        group.bench_function(format!("blocks on {threads} threads"), |bench| {
            let lake = || tempfile::tempdir().expect("a directory");
            let run = |lake: tempfile::TempDir| index(&url, first, lake.path(), threads);
            bench.iter_batched(lake, run, BatchSize::PerIteration);
        });
    }
    group.finish();
}

fn ethereum_index(criterion: &mut Criterion) {
    let Some(data) = shared::dir("ethereum") else { return };
    let blocks = real::blocks(&data);
    decoding(criterion, &blocks);
    archives(criterion, &data, &blocks);
    indexing(criterion, blocks);
}

criterion_group!(benches, ethereum_index);
criterion_main!(benches);
