//! Runs that are stopped, killed and begun again: the rows are those of one run that nothing
//! disturbed, however it was cut to pieces.

#[path = "common/child.rs"]
mod child;
#[path = "common/lake.rs"]
mod lake;
#[path = "common/sim.rs"]
mod sim;

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use assay_fixtures::bitcoin::{ChainBuilder, Undo, Writer};
use assay_fixtures::rng::Rng;
use assay_indexer::progress::{Progress, Unit};
use assay_indexer::sink::Cuts;
use assay_indexer::stop::{self, Stopper};
use assay_model::Network;
use child::Death;
use lake::{Lake, Run, Tables, assert_same, assert_same_files, below, fresh_rows};

/// Most times that a run is begun again before it must have ended.
const MAX_RUNS: usize = 60;
/// How many of them may be killed.
const HALF_RUNS: usize = MAX_RUNS / 2;

/// A death that chance picks; most come soon enough to leave something to do.
fn any_death(rng: &mut Rng) -> Death {
    match rng.below(5) {
        0..2 => Death::AtCallback(rng.range(1, 30)),
        2..4 => Death::AtPublish(rng.below(40)),
        _ => Death::AtFileSize(rng.range(8, 120)),
    }
}

/// That the lake holds the beginning of `expected`, and at least up to `least`.
fn check_prefix(lake: &Lake, expected: &Tables, least: u64) -> u64 {
    let next = lake.next_height();
    assert!(next >= least, "the watermark fell from {least} to {next}");
    assert_same(&lake.rows(), &below(expected, next));
    next
}

fn kill_and_resume(seed: u64, ignore_undo: bool) {
    println!("seed {seed}"); // shown if the test fails
    let mut rng = Rng::new(seed);
    let (dir, _) = sim::folder(&sim::chain(seed, 130));
    let expected = fresh_rows(dir.path());
    let lake = Lake::new();
    let (mut next, mut deaths) = (0, 0);
    for run in 0..MAX_RUNS {
        // A run that dies before its first segment appears adds nothing, so some are let live.
        let death = match run {
            // Some need luck: one that is certain comes first.
            0 => Death::AtCallback(rng.range(1, 4)),
            1..HALF_RUNS => any_death(&mut rng),
            _ => Death::None,
        };
        let output = child::index(dir.path(), &lake, ignore_undo, death);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        next = check_prefix(&lake, &expected, next);
        match output.status.code() {
            Some(0) => break,
            // Killed by a signal; the shell that sets the limits replaces itself.
            None => deaths += 1,
            // The signal is ignored where the tests were started so; then the write fails.
            Some(3) if text.contains("File too large") => deaths += 1,
            Some(code) => panic!("{death:?} ended with {code}: {text}"),
        }
    }
    assert!(deaths > 0, "nothing was killed");
    assert_same(&lake.rows(), &expected);
}

#[test]
fn killed_at_any_moment_it_resumes() {
    for seed in 1..4 {
        kill_and_resume(seed, false);
    }
}

#[test]
fn killed_at_any_moment_it_resumes_with_the_store_of_unspent_outputs() {
    for seed in 4..6 {
        kill_and_resume(seed, true);
    }
}

/// Not a test of its own: what [`child::index`] starts.
#[test]
fn child() {
    child::run();
}

/// Asks for an end when the n-th batch is committed.
struct StopAfter {
    left: AtomicU64,
    stop: Stopper,
}

impl Progress for StopAfter {
    fn begin(&self, _: &'static str, _: u64, _: Unit) {}
    fn advance(&self, _: u64) {}
    fn note(&self, _: &str) {}
    fn end(&self) {}
    fn trouble(&self, _: &dyn Error, _: Duration) {}
    fn committed(&self, _: u64, _: u64, _: u64) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.stop.stop();
        }
    }
}

#[test]
fn stopped_at_any_batch_it_goes_on_there() {
    let (dir, _) = sim::folder(&sim::chain(21, 150));
    let expected = fresh_rows(dir.path());
    for after in 1..5 {
        let lake = Lake::new();
        let (stopper, stop) = stop::stop();
        let progress = StopAfter { left: AtomicU64::new(after), stop: stopper };
        let run = Run { threads: 1, cuts: batches(5_000), ..Run::default() };
        let summary = lake.index_with(dir.path(), &run, Arc::new(progress), stop);
        let summary = summary.expect("being stopped is no error");
        assert!(summary.stopped, "after {after} batches of many");
        assert_eq!(summary.to, lake.next_height());
        check_prefix(&lake, &expected, 1);
        let rest = lake.index(dir.path(), &run).expect("a good folder");
        assert_eq!((rest.from, rest.stopped), (summary.to, false));
        assert_same(&lake.rows(), &expected);
    }
    // Stopped before it began.
    let lake = Lake::new();
    let silent = Arc::new(assay_indexer::progress::Silent);
    let (stopper, stop) = stop::stop();
    stopper.stop();
    let summary = lake.index_with(dir.path(), &Run::default(), silent, stop);
    assert!(summary.expect("no error").stopped);
    assert_eq!(lake.next_height(), 0);
}

/// Batches of about `batch_bytes`, in segments as ever.
fn batches(batch_bytes: u64) -> Cuts {
    Cuts { batch_bytes, ..Run::default().cuts }
}

/// Indexes `dir` in pieces that end at the heights `lasts`, and then to the end.
fn in_pieces(dir: &Path, run: &Run, lasts: &[u64]) -> Lake {
    let lake = Lake::new();
    for last in lasts.iter().map(|&last| Some(last)).chain([None]) {
        let before = lake.next_height();
        let summary = lake.index(dir, &Run { last, ..run.clone() }).expect("a good folder");
        assert_eq!(summary.from, before);
        assert_eq!(lake.next_height(), last.map_or(summary.to, |last| before.max(last + 1)));
    }
    lake
}

#[test]
fn threads_and_pieces_do_not_matter() {
    let (dir, _) = sim::folder(&sim::chain(31, 200));
    let expected = fresh_rows(dir.path());
    let mut rng = Rng::new(31);
    for threads in [1, 2, 4] {
        for ignore_undo in [false, true] {
            let batch_bytes = rng.range(1, 40_000).max(4_000);
            let run = Run { threads, ignore_undo, cuts: batches(batch_bytes), ..Run::default() };
            let mut lasts: Vec<u64> = (0..4).map(|_| rng.below(200)).collect();
            lasts.sort_unstable();
            println!("{run:?} {lasts:?}"); // shown if the test fails
            let lake = in_pieces(dir.path(), &run, &lasts);
            assert_same(&lake.rows(), &expected);
            let straight = in_pieces(dir.path(), &run, &[]);
            lake.compact(&run, Network::Regtest);
            assert_same_files(&lake, &straight);
            assert_same(&lake.rows(), &expected);
        }
    }
}

/// A chain that grows from run to run and now and then loses its last blocks to another branch.
#[test]
fn a_chain_that_grows_and_forks_from_run_to_run() {
    for (seed, ignore_undo) in [(1, false), (2, true), (3, true)] {
        println!("seed {seed}"); // shown if the test fails
        let mut rng = Rng::new(seed);
        let dir = tempfile::tempdir().expect("a folder");
        let mut chain = sim::chain(seed, 110);
        let layout = sim::layout(30_000);
        let mut writer = Writer::create(dir.path(), Network::Regtest, layout).expect("a folder");
        add(&mut writer, &chain, 0);
        let mut data = writer.finish().expect("written");
        let lake = Lake::new();
        for step in 0..6 {
            let run = Run { ignore_undo, ..Run::default() };
            let summary = lake.index(dir.path(), &run).expect("a good folder");
            assert_eq!(summary.to, chain.tip().height + 1, "step {step}");
            let fork = rng.below(8);
            let from = chain.tip().height - fork;
            chain = chain.branch(from, rng.bits());
            sim::grow(&mut chain, fork + rng.range(1, 12));
            let mut writer = data.append().expect("the folder is still there");
            add(&mut writer, &chain, from + 1);
            data = writer.finish().expect("written");
        }
        let run = Run { ignore_undo, ..Run::default() };
        lake.index(dir.path(), &run).expect("a good folder");
        let (straight, _) = sim::folder(&chain);
        assert_same(&lake.rows(), &fresh_rows(straight.path()));
        lake.compact(&run, Network::Regtest);
        assert_same_files(&lake, &in_pieces(straight.path(), &run, &[]));
    }
}

fn add(writer: &mut Writer, chain: &ChainBuilder, from: u64) {
    for block in chain.blocks().filter(|block| block.height >= from) {
        writer.add(block, Undo::Written).expect("written");
    }
}
