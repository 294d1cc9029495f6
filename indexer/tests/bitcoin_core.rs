//! A real bitcoind, if the environment variable `BITCOIND` names one: mining, reorganisations, and
//! restarts, read and followed. Otherwise skipped.

#[path = "common/bitcoind.rs"]
mod bitcoind;
mod common;
#[path = "common/following.rs"]
mod following;
#[path = "common/lake.rs"]
mod lake;
#[path = "common/mined.rs"]
mod mined;
#[path = "common/server.rs"]
mod server;
#[path = "common/to_lake.rs"]
mod to_lake;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use assay_indexer::decode::bitcoin::Decoder;
use assay_indexer::raw::bitcoin::RawBlock;
use assay_indexer::source::bitcoin_node::{BitcoinNode, NodeFault, NodeOptions};
use assay_indexer::source::{Retry, Source, SourceError};
use assay_indexer::stop::{Stop, stop};
use assay_indexer::wire::Block;
use assay_model::{BlockHash, Chain, Network, hex};
use bitcoind::{fault, fetch};
use common::MemorySink;
use following::Following;
use lake::{Lake, Run, assert_same_files};
use serde_json::{Value, json};
use tempfile::TempDir;
use to_lake::pipeline;

/// Outputs that anybody can spend, so that no keys are needed.
const ANYBODY: &str = "raw(51)";

/// A bitcoind in a folder of its own; it ends with the value.
struct Core {
    program: PathBuf,
    dir: TempDir,
    port: u16,
    arguments: Vec<&'static str>,
    child: Child,
}

impl Drop for Core {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Core {
    /// Starts the program that the environment names; `None` if it names none.
    fn start(arguments: &[&'static str]) -> Option<Core> {
        let Some(program) = std::env::var_os("BITCOIND").map(PathBuf::from) else {
            // Straight to the stream: the test harness hides what passing tests print.
            let _ = writeln!(std::io::stderr(), "skipped: BITCOIND names no bitcoind");
            return None;
        };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        drop(listener);
        let dir = tempfile::tempdir().expect("a folder");
        let child = spawn(&program, dir.path(), port, arguments);
        Some(Core { program, dir, port, arguments: arguments.to_vec(), child })
    }

    fn restart(&mut self) {
        self.child = spawn(&self.program, self.dir.path(), self.port, &self.arguments);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("regtest").join(name)
    }

    fn options(&self) -> NodeOptions {
        let retry = Retry {
            attempts: 5,
            first_pause: Duration::from_millis(20),
            longest_pause: Duration::from_millis(200),
        };
        let options = NodeOptions::new(format!("http://127.0.0.1:{}", self.port));
        NodeOptions { retry, ..options.with_cookie(self.path(".cookie")) }
    }

    /// Connects as soon as it answers.
    async fn connect(&self) -> BitcoinNode {
        soon(async || BitcoinNode::connect(self.options()).await).await
    }

    async fn call(&self, method: &str, params: Value) -> Value {
        let cookie = std::fs::read_to_string(self.path(".cookie")).expect("a cookie");
        let (user, password) = cookie.split_once(':').expect("a user and a password");
        let request = reqwest::Client::new()
            .post(format!("http://127.0.0.1:{}", self.port))
            .basic_auth(user, Some(password))
            .json(&json!({ "id": 1, "method": method, "params": params }));
        let answer: Value =
            request.send().await.expect("an answer").json().await.expect("an answer");
        assert_eq!(answer["error"], Value::Null, "{method}");
        answer["result"].clone()
    }

    async fn mine(&self, count: u64) {
        self.mine_to(ANYBODY, count).await;
    }

    async fn mine_to(&self, descriptor: &str, count: u64) {
        self.call("generatetodescriptor", json!([count, descriptor])).await;
    }

    /// The hash of the last block.
    async fn tip(&self) -> BlockHash {
        hash_in(&self.call("getbestblockhash", json!([])).await)
    }

    /// The hash of the block below `hash`.
    async fn parent(&self, hash: BlockHash) -> BlockHash {
        hash_in(&self.call("getblockheader", json!([hash])).await["previousblockhash"])
    }

    async fn stop(&mut self) {
        self.call("stop", json!([])).await;
        self.child.wait().expect("it ends");
    }
}

fn hash_in(text: &Value) -> BlockHash {
    text.as_str().expect("text").parse().expect("a hash")
}

fn spawn(program: &Path, dir: &Path, port: u16, arguments: &[&str]) -> Child {
    Command::new(program)
        .args(["-regtest", "-server", "-listen=0", "-connect=0", "-dnsseed=0"])
        .arg(format!("-datadir={}", dir.display()))
        .arg(format!("-rpcport={port}"))
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()))
}

/// What `ask` gives once it gives something; meanwhile it may only say that it may pass.
async fn soon<T>(ask: impl AsyncFn() -> Result<T, SourceError>) -> T {
    for _ in 0..100 {
        match ask().await {
            Ok(found) => return found,
            Err(error) => assert!(error.is_passing(), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the node does not answer")
}

async fn rows_of<S: Source<Block = RawBlock> + 'static>(source: S) -> Arc<MemorySink> {
    let decoder = Decoder { network: Network::Regtest, with_scripts: true };
    let sink = Arc::new(MemorySink::default());
    let scratch = tempfile::tempdir().expect("a folder");
    let run = common::run_here(source, decoder, &sink, scratch.path()).await;
    run.expect("a valid chain");
    sink
}

fn assert_equal(found: &MemorySink, wanted: &MemorySink) {
    for table in Chain::Bitcoin.tables() {
        assert_eq!(found.rows(table.name).0, wanted.rows(table.name).0, "{}", table.name);
    }
}

/// A transaction that spends the coinbase of `raw`.
fn spending(raw: &RawBlock) -> String {
    let block = Block::read(&raw.bytes).expect("a block");
    let txid = block.transaction_ids().txids[0];
    let mut bytes = vec![2, 0, 0, 0, 1];
    bytes.extend(txid);
    bytes.extend([0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 1]);
    bytes.extend(4_999_999_999u64.to_le_bytes());
    bytes.extend([1, 0x51, 0, 0, 0, 0]);
    hex::encode(&bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bitcoin_core_is_read_over_every_way() {
    for arguments in [&["-rest"][..], &[]] {
        let Some(mut core) = Core::start(arguments) else { return };
        let node = core.connect().await;
        assert_eq!((node.network(), node.has_rest()), (Network::Regtest, !arguments.is_empty()));
        assert_eq!(node.tip().await.expect("a tip").map(|tip| tip.height), Some(0));
        core.mine(105).await;
        let raws = fetch(&node, 0..106).await;
        for raw in &raws[1..4] {
            core.call("generateblock", json!([ANYBODY, [spending(raw)]])).await;
        }
        assert_eq!(node.tip().await.expect("a tip").map(|tip| tip.height), Some(108));
        let spending = fetch(&node, 106..109).await;
        for (raw, spent_height) in spending.iter().zip(1..) {
            let spent = raw.spent.as_ref().expect("Bitcoin Core tells it");
            let heights: Vec<u64> = spent.of_transaction(1).map(|output| output.height).collect();
            assert_eq!(heights, [spent_height]);
        }

        // Two blocks are replaced by four.
        let stale = spending[1].block;
        core.call("invalidateblock", json!([stale.hash])).await;
        assert_eq!(node.tip().await.expect("a tip"), Some(spending[0].block));
        let missing = node.fetch(107..108).await.failure.expect("no block there");
        assert_eq!(*fault(&missing), NodeFault::Reorganised);
        core.mine(4).await;
        let now = node.block_at(107).await.expect("an answer").expect("a block");
        assert_eq!(now.parent, stale.parent);
        assert_ne!(now.hash, stale.hash);
        let from_node = rows_of(core.connect().await).await;

        core.stop().await;
        let gone = node.tip().await.expect_err("it is not running");
        assert!(gone.is_passing(), "{gone}");
        let files = common::open(&core.path("blocks"), false).expect("block files");
        assert_equal(&from_node, &*rows_of(files).await);

        // It has a new cookie.
        core.restart();
        let tip = soon(async || node.tip().await).await.expect("a block");
        assert_eq!(tip.height, 110);
        core.stop().await;
    }
}

#[tokio::test]
async fn bitcoin_core_that_prunes_says_what_it_has() {
    let Some(mut core) = Core::start(&["-rest", "-prune=1", "-fastprune"]) else { return };
    let node = core.connect().await;
    core.mine(600).await;
    core.call("pruneblockchain", json!([300])).await;
    let error = node.fetch(0..1).await.failure.expect("it is pruned");
    let NodeFault::Pruned { first_kept: Some(first) } = *fault(&error) else {
        panic!("{error}");
    };
    assert!((2..=301).contains(&first), "{error}");
    assert_eq!(core.connect().await.first_kept(), first);
    assert_eq!(fetch(&node, first..600).await.len() as u64, 600 - first);
    core.stop().await;
}

/// Follows a node through everything that it does; the files in the end are those of one run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bitcoin_core_is_followed() {
    let Some(mut core) = Core::start(&["-rest"]) else { return };
    core.connect().await;
    let (followed, fresh) = (Lake::new(), Lake::new());
    let (stopper, stop) = stop();
    let following =
        Following::start(pipeline(core.options(), followed.path(), stop).await, stopper);
    core.mine(110).await;
    following.reaches(core.tip().await).await;
    for depth in [1, 3, 7] {
        let mut stale = core.tip().await;
        for _ in 1..depth {
            stale = core.parent(stale).await;
        }
        core.call("invalidateblock", json!([stale])).await;
        // Not to whom the stale blocks paid: the same block would be invalid once more.
        core.mine_to(&format!("raw(5{})", depth + 1), depth + 1).await;
        following.reaches(core.tip().await).await;
    }
    // It goes away, and comes back with more and another cookie.
    core.stop().await;
    core.restart();
    core.connect().await;
    core.mine(3).await;
    following.reaches(core.tip().await).await;
    // It is told to end while the node is away.
    core.stop().await;
    assert_eq!(following.end().await.to, 117);

    core.restart();
    core.connect().await;
    let depths: Vec<usize> =
        followed.manifest().0.reorgs.iter().map(|reorg| reorg.replaced.len()).collect();
    assert_eq!(depths, [1, 3, 7]);
    let run = pipeline(core.options(), fresh.path(), Stop::never()).await;
    assert_eq!(run.run().await.expect("a valid chain").to, 117);
    drop(run);
    core.stop().await;
    tokio::task::spawn_blocking(move || {
        for lake in [&followed, &fresh] {
            lake.compact(&Run::default(), Network::Regtest);
        }
        assert_same_files(&followed, &fresh);
    })
    .await
    .expect("the files are equal");
}
