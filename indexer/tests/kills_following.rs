//! A node's tip, followed by processes that are killed at random moments while the chain grows and is
//! reorganised: after each kill what is visible is a chain that the node had, and in the end the lake
//! is that of one undisturbed run, byte for byte.

#[path = "common/bitcoind.rs"]
mod bitcoind;
#[path = "common/lake.rs"]
mod lake;
#[path = "common/mined.rs"]
mod mined;
#[path = "common/server.rs"]
mod server;
#[path = "common/to_lake.rs"]
mod to_lake;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use assay_fixtures::rng::Rng;
use assay_indexer::stop::Stop;
use assay_model::Network;
use bitcoind::{Chain, options, serve};
use lake::{Lake, Run, assert_same_files};
use to_lake::pipeline;
use tokio::runtime::Runtime;

/// How many processes are killed.
const KILLS: usize = 60;
/// The longest that one lives: starting takes up to a fifth of it.
const LONGEST: Duration = Duration::from_millis(400);
/// Blocks that are there at the beginning.
const START: usize = 40;
/// Most blocks that are replaced at once.
const DEEPEST: usize = 12;
const NODE: &str = "ASSAY_CHILD_NODE";
const LAKE: &str = "ASSAY_CHILD_LAKE";
const WORK: &str = "ASSAY_CHILD_WORK";

/// Not a test of its own: the process that follows the node, if this is one.
#[test]
fn child() {
    let Ok(node) = std::env::var(NODE) else { return };
    let lake = std::env::var(LAKE).expect("set with the others");
    let result = runtime().block_on(async {
        let pipeline = pipeline(options(&node), Path::new(&lake), Stop::never()).await;
        match std::env::var(WORK).as_deref() {
            Ok("run") => pipeline.run().await,
            _ => pipeline.follow().await,
        }
    });
    if let Err(error) = result {
        println!("error: {error}");
        std::process::exit(3);
    }
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().expect("a runtime")
}

/// A process that does `work`.
fn start(url: &str, lake: &Lake, work: &str) -> Child {
    Command::new(std::env::current_exe().expect("the test program"))
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(NODE, url)
        .env(LAKE, lake.path())
        .env(WORK, work)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the test program starts")
}

/// Something happens to the chain of the node.
fn change(chain: &Mutex<Chain>, rng: &mut Rng, salt: u8) {
    let golden = Chain::golden().best;
    let mut chain = chain.lock().expect("no test panics with the lock");
    let height = chain.best.len();
    let common = chain.best.iter().zip(&golden).take_while(|(a, b)| a == b).count();
    if common == height && height < golden.len() && !rng.chance(300) {
        // The real chain goes on, and what it spends is there.
        let more = rng.range(1, 12) as usize;
        let end = golden.len().min(height + more);
        chain.best.extend(&golden[height..end]);
    } else if common < height && rng.chance(300) && height - common <= DEEPEST {
        // It wins after all.
        let end = golden.len().min(height + 1);
        chain.best.truncate(common);
        chain.best.extend(&golden[common..end]);
    } else {
        let depth = rng.index(DEEPEST) + 1;
        chain.reorganise(height - 1 - depth, depth as u64 + rng.below(2), salt);
    }
}

/// That each block of `lake` is one that the node had; whether its chain is still the node's.
fn check(lake: &Lake, chain: &Mutex<Chain>) -> bool {
    let rows = &lake.rows()[0];
    let hashes = rows.column_by_name("hash").expect("a column").as_binary::<i32>();
    let chain = chain.lock().expect("no test panics with the lock");
    let hashes = hashes.iter().map(|hash| hash.expect("a hash"));
    let known = |hash: &[u8]| chain.blocks.keys().any(|known| known.0 == hash);
    assert!(hashes.clone().all(known), "a block that never was");
    hashes.eq(chain.best.iter().map(|hash| &hash.0[..]))
}

#[test]
fn killed_at_the_tip_it_ends_as_if_undisturbed() {
    let mut golden = Chain::golden();
    golden.best.truncate(START);
    let runtime = runtime();
    let (server, chain) = runtime.block_on(serve(golden));
    let (lake, mut rng) = (Lake::new(), Rng::new(11));
    let (mut kills, mut at_tip) = (0, 0);
    while kills < KILLS {
        let mut process = start(&server.url, &lake, "follow");
        let end = Instant::now() + LONGEST.mul_f64(0.2 + 0.8 * rng.below(1000) as f64 / 1000.0);
        while Instant::now() < end {
            std::thread::sleep(Duration::from_millis(rng.below(120)));
            change(&chain, &mut rng, kills as u8 + 1);
        }
        process.kill().expect("it follows for ever");
        let output = process.wait_with_output().expect("it has ended");
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), None, "it was not killed, but ended: {said}");
        kills += 1;
        at_tip += usize::from(check(&lake, &chain));
    }
    let reorgs = lake.manifest().0.reorgs.len();
    assert!(reorgs > KILLS / 4, "only {reorgs} reorganisations were seen");
    println!("{kills} kills, {reorgs} reorganisations, {at_tip} times at the tip");

    let (fresh, run) = (Lake::new(), Run::default());
    for lake in [&lake, &fresh] {
        let output = start(&server.url, lake, "run").wait_with_output().expect("it has ended");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert!(check(lake, &chain), "it is at the tip");
        lake.compact(&run, Network::Regtest);
    }
    assert_same_files(&lake, &fresh);
}
