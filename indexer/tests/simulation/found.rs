//! What the simulation found, each in a history small enough to be told.

use std::ops::Range;

use assay_indexer::decode::Decode;
use assay_indexer::pipeline::PipelineError;
use assay_indexer::sink::{Cuts, Sink, SinkError};
use futures::FutureExt;
use tokio::runtime::{Builder, Runtime};

use super::disk::Faults;
use super::history::{History, NO_LIMIT, Work};
use super::source::{Habits, Node};

const CUTS: Cuts = Cuts { batch_bytes: 700, segment_bytes: 3000 };

fn workers() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime")
}

fn node(blocks: usize) -> Node {
    Node::new(7, Habits::calm(), blocks)
}

/// A disk that fails at `operations`.
fn outage(operations: Range<u64>) -> Faults {
    Faults { outage: operations, ..Faults::default() }
}

/// The folders of a new lake were not durable, and neither was a manifest that somebody else had
/// written and not lived to make durable (seeds 2 and 90).
#[test]
fn what_a_process_found_survives_it() {
    let workers = workers();
    for seed in 0..4 {
        for death in 0.. {
            let mut history = History::of(seed, node(20), CUTS, workers.handle());
            let faults = Faults { death: Some(death), ..Faults::default() };
            let result = history.work(faults, Work::Run, u64::MAX);
            let is_complete = result.is_ok_and(|result| result.is_some());
            history.open(Faults::default()).expect("an undamaged lake");
            history.lose_power();
            history.check_reader().unwrap_or_else(|fault| panic!("operation {death}: {fault}"));
            if is_complete {
                break;
            }
        }
    }
}

/// Blocks were held for final because other blocks had become final in their place while nobody
/// followed (seed 15).
#[test]
fn a_final_block_makes_no_other_final() {
    let workers = workers();
    let mut history = History::of(1, node(30), CUTS, workers.handle());
    let result = history.work(Faults::default(), Work::Run, u64::MAX);
    assert!(matches!(result, Ok(Some(Ok(_)))), "{result:?}");
    let chain = history.node.chain();
    let node = Node::on(8, chain[..20].to_vec(), 40);
    node.finalize(50);
    history.replace_node(node);
    let result = history.work(Faults::default(), Work::Follow, 1000);
    assert!(matches!(result, Ok(None)), "{result:?}");
    assert_eq!(history.visible_blocks(), 60);
}

/// Rows that were committed and not yet visible were lost when the merging of others failed, and the
/// next commit with them.
#[test]
fn a_merging_that_fails_takes_no_rows_along() {
    let workers = workers();
    for operation in 0..120 {
        let mut history = History::of(1, node(12), CUTS, workers.handle());
        for last in [2, 5, 8] {
            history.index_up_to(last);
        }
        let chain = history.node.chain();
        let pipeline = history.open(outage(0..0)).expect("an undamaged lake");
        let commit = |heights: Range<usize>| {
            let blocks: Vec<_> = chain[heights].iter().map(|raw| (**raw).clone()).collect();
            let batch = pipeline.decoder.decode(&blocks).expect("valid blocks");
            let batch = pipeline.sink.encode(&batch).expect("encoded");
            pipeline.sink.commit(batch).now_or_never().expect("it is done at once")
        };
        commit(9..10).expect("it follows");
        let done = history.machine.operations();
        history.machine.set_faults(outage(done + operation..done + operation + 1));
        let _may_fail = pipeline.sink.compact_now(1);
        history.machine.set_faults(outage(0..0));
        commit(10..12).unwrap_or_else(|error| panic!("operation {operation}: {error}"));
        let flushed = pipeline.sink.flush().now_or_never().expect("it is done at once");
        flushed.expect("a disk that works");
        assert_eq!(history.visible_blocks(), 12, "operation {operation}");
    }
}

/// A disk that was full for a moment ended it, if it was so while a Parquet file was written.
#[test]
fn a_full_disk_is_waited_for() {
    let workers = workers();
    for operation in 0..200 {
        let mut history = History::of(1, node(20), CUTS, workers.handle());
        history.open(Faults::default()).expect("a new lake");
        let result = history.work(outage(operation..operation + 1), Work::Follow, 600);
        let is_opening = matches!(result, Err(SinkError::Io { .. }));
        assert!(is_opening || matches!(result, Ok(None)), "operation {operation}: {result:?}");
        assert!(is_opening || history.visible_blocks() == 20, "operation {operation}");
    }
}

#[test]
fn a_reorganisation_that_is_too_deep_changes_nothing() {
    let workers = workers();
    let mut history = History::of(1, node(30), CUTS, workers.handle());
    history.index_up_to(29);
    let chain = history.node.chain();
    history.replace_node(Node::on(9, chain[..19].to_vec(), 20));
    history.max_reorg = 10;
    let result = history.work(Faults::default(), Work::Follow, 1000);
    assert!(matches!(result, Ok(Some(Err(PipelineError::TooDeep { .. })))), "{result:?}");
    assert_eq!(history.visible_blocks(), 30);
    history.max_reorg = NO_LIMIT;
    history.index_up_to(u64::MAX);
    assert_eq!(history.visible_blocks(), 39);
}

/// A disk that failed once had no second chance when the node had failed often before (seed 83).
#[test]
fn failures_of_the_node_are_not_those_of_the_disk() {
    let workers = workers();
    let habits = Habits { passing_per_mille: 700, ..Habits::calm() };
    let mut history = History::of(1, Node::new(7, habits, 20), CUTS, workers.handle());
    for _ in 0..2 {
        history.open(Faults::default()).expect("an undamaged lake");
    }
    let opening = history.machine.operations();
    let result = history.work(outage(opening..opening + 1), Work::Follow, 9000);
    assert!(matches!(result, Ok(None)), "{result:?}");
    assert_eq!((history.machine.failures(), history.visible_blocks()), (1, 20));
}
