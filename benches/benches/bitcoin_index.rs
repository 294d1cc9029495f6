//! `cargo bench -p assay-benches --bench bitcoin_index`: block data like today's (1.5 MB, mixed
//! script types) read and hashed, and indexed into a lake.

use std::time::Duration;

use assay_benches::bitcoin::{floor, index};
use assay_fixtures::bitcoin::{BlockSpec, ChainBuilder, Layout, Undo, Writer};
use assay_model::Network;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

/// Blocks before the first coins may be spent.
const MATURITY: usize = 100;
/// Full blocks behind them.
const BLOCKS: usize = 40;
/// Size of a full block.
const BLOCK_BYTES: usize = 1_500_000;

fn bitcoin_index(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a directory");
    let mut chain = ChainBuilder::new(Network::Regtest, 1).keep_blocks(1);
    let layout = Layout { arrival_window: 16, ..Layout::default() };
    let mut writer = Writer::create(dir.path(), Network::Regtest, layout).expect("writable");
    writer.add(chain.tip(), Undo::Written).expect("writable");
    for height in 0..MATURITY + BLOCKS {
        let full = height >= MATURITY;
        let spec = if full { BlockSpec::bytes(BLOCK_BYTES) } else { BlockSpec::empty() };
        writer.add(&chain.mine(&spec), Undo::Written).expect("writable");
    }
    let bytes = writer.finish().expect("writable").block_bytes();

    let mut group = criterion.benchmark_group("bitcoin_index");
    group.throughput(Throughput::Bytes(bytes)).sample_size(10);
    group.measurement_time(Duration::from_secs(20));
    group.bench_function("floor", |bench| bench.iter(|| floor(dir.path())));
    for threads in [1, 2] {
        group.bench_function(format!("index on {threads} threads"), |bench| {
            let lake = || tempfile::tempdir().expect("a directory");
            bench.iter_batched(
                lake,
                |lake| index(dir.path(), lake.path(), threads),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, bitcoin_index);
criterion_main!(benches);
