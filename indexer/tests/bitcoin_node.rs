//! The golden chain over every way in which a node tells it: the rows are those of its files.

#[path = "common/bitcoind.rs"]
mod bitcoind;
mod common;
#[path = "common/mined.rs"]
mod mined;
#[path = "common/server.rs"]
mod server;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use assay_fixtures::bitcoin::golden;
use assay_fixtures::shared;
use assay_indexer::decode::bitcoin::Decoder;
use assay_indexer::raw::bitcoin::RawBlock;
use assay_indexer::source::bitcoin_node::{BitcoinNode, NodeFault, NodeOptions};
use assay_indexer::source::{Finality, Live, Source};
use assay_indexer::wire::Reader;
use assay_model::{BlockRef, Chain as Model, Network, hex};
use bitcoind::{CONNECTING, Chain, connect, failure, fault, fetch, options, serve};
use common::MemorySink;
use serde_json::Value;
use server::Server;
use zeromq::{PubSocket, Socket, SocketSend, ZmqMessage};

const DECODER: Decoder = Decoder { network: Network::Regtest, with_scripts: true };

/// The rows that `source` gives.
async fn rows_of<S: Source<Block = RawBlock> + 'static>(source: S) -> Arc<MemorySink> {
    let sink = Arc::new(MemorySink::default());
    let scratch = tempfile::tempdir().expect("a folder");
    let summary = common::run_here(source, DECODER, &sink, scratch.path()).await;
    assert_eq!(summary.expect("a valid chain").to, 151);
    sink
}

fn assert_equal(found: &MemorySink, wanted: &MemorySink, way: &str) {
    for table in Model::Bitcoin.tables() {
        let (found, wanted) = (found.rows(table.name), wanted.rows(table.name));
        assert!(wanted.len() > 100, "{}", table.name);
        assert_eq!(found.0, wanted.0, "{way}, {}", table.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_those_of_the_files_over_every_way() {
    let files = common::open(&golden::blocks_dir(), false).expect("a folder of block files");
    let wanted = rows_of(files).await;
    // REST, and the most that `getblock` tells: 2 is without what is spent.
    for (has_rest, verbosity, with_spent) in
        [(true, 3, true), (false, 3, true), (true, 2, true), (false, 2, true), (true, 3, false)]
    {
        let way = format!("REST {has_rest}, verbosity {verbosity}, spent {with_spent}");
        let (server, _chain) = serve(Chain { has_rest, verbosity, ..Chain::golden() }).await;
        let options = NodeOptions { with_spent, ..options(&server.url) };
        let node = BitcoinNode::connect(options).await.expect("the node answers");
        assert_eq!((node.network(), node.has_rest()), (Network::Regtest, has_rest));
        assert_eq!(node.tells_spent(), with_spent);
        assert_eq!((node.first_kept(), node.is_synchronising()), (0, false));
        assert_equal(&*rows_of(node).await, &wanted, &way);
    }
}

#[tokio::test]
async fn a_node_says_what_a_block_spends_or_nothing() {
    let (server, _chain) = serve(Chain::golden()).await;
    let node = connect(&server.url).await;
    let raws = fetch(&node, 100..111).await;
    assert!(raws.iter().all(|raw| raw.spent.is_some()));
    assert_eq!(raws[0].place, format!("{}/rest/block/{}.bin", server.url, raws[0].block.hash));

    let (server, _chain) = serve(Chain { verbosity: 2, has_rest: false, ..Chain::golden() }).await;
    let node = connect(&server.url).await;
    let raws = fetch(&node, 100..151).await;
    for raw in &raws {
        assert_eq!(raw.spent.is_some(), raw.bytes[80] == 1, "a coinbase spends nothing");
    }
    assert_eq!(raws[0].place, format!("{}, getblock {}", server.url, raws[0].block.hash));
    assert!(!node.tells_spent(), "it is not asked in vain for all that follow");
}

/// `/rest/spenttxouts` tells, of each transaction, value and script of what it spends, and no more:
/// no height. This is why the source does not use it.
#[tokio::test]
async fn spent_outputs_over_rest_have_no_heights() {
    let Some(archive) = shared::dir("bitcoin/golden-a/golden-a.tar.zst") else { return };
    let dir = shared::unpack(&archive).expect("an archive");
    let told = std::fs::read_dir(dir.path().join("golden-a/spenttxouts")).expect("a folder");
    let told: HashMap<String, Vec<u8>> = told
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "bin"))
        .map(|path| {
            let name = path.file_stem().and_then(|name| name.to_str()).expect("text");
            (name[6..].to_owned(), std::fs::read(&path).expect("a file"))
        })
        .collect();
    let (server, _chain) = serve(Chain::golden()).await;
    for raw in fetch(&connect(&server.url).await, 1..151).await {
        let spent = raw.spent.expect("the node tells it");
        let mut reader = Reader::new(&told[&raw.block.hash.to_string()]);
        let transactions = reader.count().expect("a count") as usize;
        assert_eq!(transactions, spent.transaction_count() + 1);
        for tx_index in 0..transactions {
            let outputs = spent.of_transaction(tx_index);
            assert_eq!(reader.count(), Ok(outputs.len() as u64));
            for output in outputs {
                assert_eq!(reader.u64(), Ok(output.value));
                assert_eq!(reader.counted_bytes(), Ok(output.script));
            }
        }
        assert_eq!(reader.end(), Ok(()), "nothing is left for heights");
    }
}

#[tokio::test]
async fn the_state_of_the_chain_is_the_nodes() {
    let (server, chain) = serve(Chain::golden()).await;
    let node = connect(&server.url).await;
    let raws = fetch(&node, 0..151).await;
    assert_eq!(node.tip().await.expect("a tip"), Some(raws[150].block));
    for height in [0, 1, 77, 150] {
        let block = node.block_at(height).await.expect("an answer");
        assert_eq!(block, Some(raws[height as usize].block));
    }
    assert_eq!(node.block_at(151).await.expect("an answer"), None);
    assert_eq!(node.block_at(u64::from(u32::MAX)).await.expect("an answer"), None);
    assert!(fetch(&node, 7..7).await.is_empty());
    assert_eq!(node.finality().await.expect("an answer"), Finality::default());

    assert_eq!(node.plan(0..100, 1), 16);
    assert_eq!(node.plan(15..100, 1 << 40), 16);
    assert_eq!(node.plan(16..20, 1), 20);
    // The size of the golden chain's files.
    assert_eq!(node.bytes_of(0..151), 134_253 / 151 * 151);

    // Above the tip there is nothing yet.
    let fetched = node.fetch(149..153).await;
    assert_eq!(fetched.done.len(), 2);
    assert_eq!(*fault(failure(&fetched)), NodeFault::Reorganised);
    assert!(failure(&fetched).is_passing());
    chain.lock().expect("no test panics with the lock").grow(2, 1);
    assert_eq!(fetch(&node, 149..153).await.len(), 4);
}

fn assert_linked(raws: &[RawBlock]) {
    for pair in raws.windows(2) {
        assert_eq!(pair[1].block.parent, pair[0].block.hash);
        assert_eq!(pair[1].block.height, pair[0].block.height + 1);
    }
    for raw in raws {
        assert_eq!(raw.bytes[4..36], raw.block.parent.to_wire());
    }
}

/// The chain [.., a, b, c] becomes [.., a, x, y, z] after each number of requests that fetching may
/// be at.
#[tokio::test]
async fn a_chain_that_changes_meanwhile_is_not_mixed() {
    for has_rest in [true, false] {
        let before = Chain { has_rest, ..Chain::made_up(30) };
        let mut after = before.clone();
        after.reorganise(27, 4, 9);
        let mut seen = [false; 2];
        for change_after in 0..20 {
            let connecting = Arc::new(AtomicUsize::new(usize::MAX));
            let start = Arc::clone(&connecting);
            let (old, new) = (before.clone(), after.clone());
            let server = Server::start(move |number, request| {
                let start = start.load(Ordering::SeqCst);
                let has_changed = number >= start.saturating_add(change_after);
                if has_changed { new.reply(request) } else { old.reply(request) }
            })
            .await;
            let node = connect(&server.url).await;
            connecting.store(CONNECTING, Ordering::SeqCst);
            let tip = node.tip().await.expect("a tip").expect("a block");
            let refs: [&[_]; 2] = [&before.best, &after.best];
            assert!(refs.iter().any(|best| best.get(tip.height as usize) == Some(&tip.hash)));
            let block = node.block_at(29).await.expect("an answer").expect("a block");
            let is = |best: &[_]| best[29] == block.hash && best[28] == block.parent;
            assert!(refs.into_iter().any(is), "a parent of the other chain");
            let raws = fetch(&node, 20..31).await;
            assert_linked(&raws);
            let chains = refs.map(|best| raws[10].block.hash == best[30]);
            assert!(chains[0] || chains[1]);
            seen = [seen[0] || chains[0], seen[1] || chains[1]];
            let now: Vec<BlockRef> =
                fetch(&node, 25..31).await.iter().map(|raw| raw.block).collect();
            assert_eq!(now.len(), 6);
        }
        assert_eq!(seen, [true; 2], "the change was at all times");
    }
}

#[tokio::test]
async fn a_chain_that_never_settles_is_an_error_that_may_pass() {
    let first = Chain::made_up(30);
    let mut second = first.clone();
    second.reorganise(20, 10, 9);
    // Hashes of the one chain at even heights, of the other at odd ones.
    let server = Server::start(move |_, request| match request.verb.as_str() {
        "POST" => bitcoind::respond(&request.body, |method, params| match params[0].as_u64() {
            Some(height) if height % 2 == 0 => first.answer(method, params),
            _ => second.answer(method, params),
        }),
        _ => second.reply(request),
    })
    .await;
    let node = connect(&server.url).await;
    let fetched = node.fetch(16..30).await;
    let heights: Vec<u64> = fetched.done.iter().map(|raw| raw.block.height).collect();
    assert_eq!(heights, [16, 17, 18, 19, 20, 21], "what fits is given");
    assert_linked(&fetched.done);
    let error = failure(&fetched);
    assert_eq!(*fault(error), NodeFault::Reorganised);
    assert!(error.is_passing());
    assert!(error.to_string().contains(", getblockheader, block 22: "), "{error}");
}

#[tokio::test]
async fn a_pruned_node_names_the_first_block_that_it_has() {
    for has_rest in [true, false] {
        let pruned = Chain { first_kept: 60, has_rest, ..Chain::golden() };
        let (server, chain) = serve(pruned).await;
        let node = connect(&server.url).await;
        assert_eq!(node.first_kept(), 60);
        assert_eq!(
            node.block_at(3).await.expect("headers are kept").map(|block| block.height),
            Some(3)
        );
        assert_eq!(fetch(&node, 60..80).await.len(), 20);
        let fetched = node.fetch(59..80).await;
        let error = failure(&fetched);
        assert!(fetched.done.is_empty());
        assert_eq!(*fault(error), NodeFault::Pruned { first_kept: Some(60) });
        assert!(!error.is_passing());
        let shown = error.to_string();
        assert!(
            shown.contains(", getblock, block 59: the node has thrown the block away"),
            "{shown}"
        );
        assert!(shown.contains("keeps blocks from 60 on"), "{shown}");

        // It throws more away meanwhile.
        chain.lock().expect("no test panics with the lock").first_kept = 70;
        let fetched = node.fetch(66..80).await;
        assert_eq!(*fault(failure(&fetched)), NodeFault::Pruned { first_kept: Some(70) });
        assert_eq!(node.first_kept(), 70);
    }
}

/// A node that publishes at a free port.
async fn publisher() -> (PubSocket, String) {
    let mut socket = PubSocket::new();
    let address = socket.bind("tcp://127.0.0.1:0").await.expect("a free port").to_string();
    (socket, address)
}

fn message(topic: &str, body: &[u8], count: u32) -> ZmqMessage {
    let mut message = ZmqMessage::from(topic);
    message.push_back(body.to_vec().into());
    message.push_back(count.to_le_bytes().to_vec().into());
    message
}

/// A source that listens at `zmq`, and hardly ever looks by itself.
async fn listening(url: &str, zmq: &str) -> BitcoinNode {
    let poll = Duration::from_secs(600);
    let options = NodeOptions { zmq: Some(zmq.to_owned()), poll, ..options(url) };
    BitcoinNode::connect(options).await.expect("the node answers")
}

/// Waits until `node` says that the chain may have changed.
async fn hears(node: &BitcoinNode) -> bool {
    tokio::time::timeout(Duration::from_secs(20), node.changed()).await.is_ok()
}

/// Sends `next` again and again until `node` hears it: a connection takes a moment.
async fn hears_soon(node: &BitcoinNode, socket: &mut PubSocket, next: ZmqMessage) -> bool {
    for _ in 0..200 {
        socket.send(next.clone()).await.expect("sent");
        if tokio::time::timeout(Duration::from_millis(50), node.changed()).await.is_ok() {
            return true;
        }
    }
    false
}

/// A message of `sequence`.
fn sequence(label: u8, count: u32) -> ZmqMessage {
    let mut body = vec![7; 32];
    body.push(label);
    if label == b'A' {
        body.extend(1u64.to_le_bytes());
    }
    message("sequence", &body, count)
}

/// Waits until `node` is known to hear both topics, and has heard all that was sent for that.
async fn both_hear(node: &BitcoinNode, socket: &mut PubSocket) {
    assert!(hears_soon(node, socket, message("hashblock", &[7; 32], 0)).await);
    assert!(hears_soon(node, socket, sequence(b'C', 0)).await);
    while tokio::time::timeout(Duration::from_millis(200), node.changed()).await.is_ok() {}
}

#[tokio::test]
async fn an_announced_block_is_heard_at_once() {
    let Some(archive) = shared::dir("bitcoin/golden-a/golden-a.tar.zst") else { return };
    let dir = shared::unpack(&archive).expect("an archive");
    let recorded = std::fs::read_to_string(dir.path().join("golden-a/zmq.jsonl")).expect("a file");
    let (server, _chain) = serve(Chain::golden()).await;
    let (mut socket, address) = publisher().await;
    let node = listening(&server.url, &address).await;
    both_hear(&node, &mut socket).await;
    let mut heard = 0;
    for line in recorded.lines() {
        let told: Value = serde_json::from_str(line).expect("JSON");
        let text = |field: &str| told[field].as_str().unwrap_or_default();
        let topic = text("topic");
        let count = told["seq"].as_u64().expect("a number") as u32;
        let mut body =
            hex::decode(if topic.starts_with("raw") { text("hex") } else { text("hash") })
                .expect("hex");
        body.extend(text("label").bytes());
        if let Some(count) = told["mempool_seq"].as_u64() {
            body.extend(count.to_le_bytes());
        }
        let is_of_block = topic == "hashblock" || matches!(text("label"), "C" | "D");
        socket.send(message(topic, &body, count)).await.expect("sent");
        // Messages come in order: one that is heard says that those before it were not.
        if is_of_block && heard < 40 {
            assert!(hears(&node).await, "{line}");
            heard += 1;
        }
    }
    assert_eq!(heard, 40);
}

#[tokio::test]
async fn lost_announcements_are_noticed() {
    let (server, _chain) = serve(Chain::made_up(2)).await;
    let (mut socket, address) = publisher().await;
    let node = listening(&server.url, &address).await;
    both_hear(&node, &mut socket).await;
    for count in [1, 2, 3] {
        socket.send(sequence(b'A', count)).await.expect("sent");
    }
    let silent = tokio::time::timeout(Duration::from_millis(100), node.changed()).await;
    assert!(silent.is_err(), "a transaction does not change the chain");
    socket.send(sequence(b'A', 9)).await.expect("sent");
    assert!(hears(&node).await, "five were lost");
}

#[tokio::test]
async fn a_publisher_that_goes_is_waited_for() {
    let (server, _chain) = serve(Chain::made_up(2)).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("tcp://{}", listener.local_addr().expect("bound"));
    drop(listener);
    // Nobody is there yet: it is looked from time to time.
    let options = NodeOptions {
        zmq: Some(address.clone()),
        poll: Duration::from_millis(20),
        ..options(&server.url)
    };
    let polling = BitcoinNode::connect(options).await.expect("the node answers");
    let start = Instant::now();
    for _ in 0..3 {
        polling.changed().await;
    }
    assert!(start.elapsed() >= Duration::from_millis(60));
    drop(polling);

    let node = listening(&server.url, &address).await;
    for count in 1..=2 {
        let mut socket = PubSocket::new();
        socket.bind(&address).await.expect("free again");
        assert!(hears_soon(&node, &mut socket, message("hashblock", &[7; 32], count)).await);
        socket.close().await;
    }
}

#[tokio::test]
async fn without_announcements_it_is_looked_from_time_to_time() {
    let (server, _chain) = serve(Chain::made_up(2)).await;
    let options = NodeOptions { poll: Duration::from_millis(20), ..options(&server.url) };
    let node = BitcoinNode::connect(options).await.expect("the node answers");
    let start = Instant::now();
    node.changed().await;
    assert!((20..10_000).contains(&start.elapsed().as_millis()));
}
