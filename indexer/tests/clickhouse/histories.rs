//! Following a chain's tip into ClickHouse while everything goes wrong: the chain is reorganised, the
//! wire is cut, processes end at any moment, others begin, the server is killed. Afterwards the tables
//! are those of a load that nothing disturbed.
//!
//! A history is a seed, from which everything random in it comes; which of its moments meet is left to
//! the machine, so a failure may take several runs to show again:
//!
//! ```text
//! ASSAY_SIMULATION_SEED=4711 ASSAY_SIMULATION_HISTORIES=1 cargo test -p assay-indexer --test clickhouse histories
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use assay_clickhouse::{Connection, Log, migrate};
use assay_fixtures::clickhouse::ClickHouse;
use assay_fixtures::rng::Rng;
use assay_indexer::decode::bitcoin::Decoder;
use assay_indexer::pipeline::{Nothing, Options, Pause, Pipeline, PipelineError};
use assay_indexer::progress::Silent;
use assay_indexer::sink::clickhouse::ClickHouseSink;
use assay_indexer::sink::{Sink, SinkError};
use assay_indexer::stop::Stop;
use assay_model::{Chain, Network};

use crate::block::decode;
use crate::proxy::Proxy;
use crate::server::{assert_holds, connect, look};
use crate::source::{Habits, Node};
use crate::stored::bitcoin;

/// Histories that are run if no other number is given.
const USUAL_HISTORIES: u64 = 12;
/// Most blocks that a history may take back: a node may be reorganised often between two looks.
const MAX_REORG: u64 = 10_000;
/// How many of a thousand processes end with the server.
const SERVER_KILLS_PER_MILLE: u64 = 60;

fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().map_or(usual, |text| text.parse().expect("a number"))
}

type ToClickHouse = Pipeline<Node, Nothing, Decoder, ClickHouseSink>;

/// What brings the blocks of `node` to the server behind `connection`.
async fn pipeline(node: &Arc<Node>, connection: Connection) -> Result<ToClickHouse, SinkError> {
    let pause = Pause { first: Duration::from_millis(1), longest: Duration::from_millis(5) };
    Ok(Pipeline {
        source: Arc::clone(node),
        completer: Arc::new(Nothing.into()),
        decoder: Decoder { network: Network::Regtest, with_scripts: true },
        sink: Arc::new(ClickHouseSink::open(connection, &bitcoin()).await?),
        options: Options { max_reorg: MAX_REORG, pause, ..Options::new(2) },
        progress: Arc::new(Silent),
        stop: Stop::never(),
    })
}

/// One history on `server`; returns how many entries its log has, and how often it was reorganised.
async fn history(seed: u64, server: &mut ClickHouse) -> (u64, usize) {
    let mut rng = Rng::new(seed);
    let database = format!("history_{seed}");
    let direct = connect(server.port(), &database);
    migrate(&direct, None).await.expect("an empty database");
    // Requests take longer here than the calls of a node: it has to do more between two.
    let habits = Habits { change_per_mille: rng.range(50, 400), ..Habits::any(&mut rng) };
    let node = Arc::new(Node::new(rng.bits(), habits, 1));
    let proxy = Proxy::start(server.port(), rng.bits()).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn(read_until(Arc::clone(&is_over), direct.clone()));
    for _ in 0..rng.range(2, 6) {
        proxy.cut(if rng.chance(500) { rng.range(1, 60) } else { 0 });
        node.begin();
        let connection = connect(proxy.port, &database);
        let life = Duration::from_millis(rng.range(20, 3_000));
        let (for_node, follows) = (Arc::clone(&node), rng.chance(700));
        let process = tokio::spawn(async move {
            let pipeline = pipeline(&for_node, connection).await?;
            let result = if follows { pipeline.follow().await } else { pipeline.run().await };
            result.map(|_| ())
        });
        // A process that is cut short leaves its requests to themselves.
        if let Ok(result) = tokio::time::timeout(life, AbortOnDrop(process)).await {
            judge(seed, result);
        }
        if rng.chance(SERVER_KILLS_PER_MILLE) {
            server.restart();
        }
    }
    let log = Log::new(direct.clone(), Chain::Bitcoin);
    let height = log.last().await.expect("readable").and_then(|last| last.watermark);
    let chain = node.settle(height.map_or(0, |block| block.height));
    node.begin();
    let last = pipeline(&node, direct.clone()).await.expect("a server");
    last.run().await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    is_over.store(true, Ordering::Relaxed);
    reader.await.expect("no panic").unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
    let batches: Vec<_> =
        chain.iter().map(|raw| decode(Network::Regtest, raw).expect("a valid block")).collect();
    assert_holds(&direct, Chain::Bitcoin, &batches).await;
    let watermark = last.sink.watermark().await.expect("known");
    assert_eq!(watermark, chain.last().map(|raw| raw.block), "seed {seed}");
    let entry = log.last().await.expect("readable").expect("an entry");
    let size: usize = chain.iter().map(|raw| raw.bytes.len()).sum();
    assert_eq!(entry.block_bytes, size as u64, "seed {seed}");
    let reorgs = log.reorgs().await.expect("readable");
    for reorg in &reorgs {
        let heights: Vec<_> = reorg.replaced.iter().map(|block| block.height).collect();
        let first = reorg.common.height + 1;
        assert_eq!(heights, (first..first + heights.len() as u64).collect::<Vec<_>>());
        assert!(node.knows(&reorg.common), "seed {seed}: {reorg:?}");
    }
    server.query(&format!("DROP DATABASE {database}")).expect("dropped");
    (entry.sequence, reorgs.len())
}

/// A task that ends when nobody waits for it any more.
struct AbortOnDrop(tokio::task::JoinHandle<Result<(), PipelineError>>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Future for AbortOnDrop {
    type Output = Result<(), PipelineError>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0).poll(context).map(|joined| joined.expect("no panic"))
    }
}

/// Whether a process may end so.
fn judge(seed: u64, result: Result<(), PipelineError>) {
    match result {
        Ok(()) | Err(PipelineError::Source(_) | PipelineError::ChainChanged { .. }) => {}
        Err(PipelineError::Sink(error)) if error.is_passing() => {}
        Err(PipelineError::TooDeep { .. } | PipelineError::FinalTakenBack { .. }) => {}
        Err(error) => panic!("seed {seed}: a process ended with: {error}"),
    }
}

/// Looks again and again, until it is over.
async fn read_until(is_over: Arc<AtomicBool>, connection: Connection) -> Result<(), String> {
    while !is_over.load(Ordering::Relaxed) {
        look(&connection, Chain::Bitcoin).await?;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_end_as_if_nothing_had_happened() {
    let Some(mut server) = ClickHouse::start() else { return };
    let first = setting("ASSAY_SIMULATION_SEED", 1);
    let (mut entries, mut reorgs) = (0, 0);
    let count = setting("ASSAY_SIMULATION_HISTORIES", USUAL_HISTORIES);
    for seed in first..first + count {
        let (written, reorganised) = history(seed, &mut server).await;
        entries += written;
        reorgs += reorganised;
    }
    println!("{count} histories: {entries} entries in logs, {reorgs} reorganisations");
    assert!(count < USUAL_HISTORIES || reorgs > 0, "nothing was tried");
}
