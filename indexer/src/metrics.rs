//! What is measured, and under which names. The rest of the crate says what happened; this file
//! says how it is counted.
//!
//! # Invariants
//!
//! * Every metric that is recorded is in [`ALL`], with its unit and meaning.
//! * Labels take few values, all of them constants of the program: nothing from outside, such as an
//!   address with a key in it, gets into them.
//! * Without a recorder, as in a run that nobody watches, recording costs next to nothing.

use std::time::Duration;

use ::metrics::{Gauge, gauge, histogram};
use ::metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram};
use assay_model::{Batch, Chain};

use crate::progress::Position;
use crate::raw::Raw;

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows; of interest is how fast.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often a value came into which range.
    Histogram,
}

/// A metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name, with the unit last.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// What it is counted in.
    pub unit: Unit,
    /// A label that it has besides `chain`, and all values of it.
    pub label: Option<(&'static str, &'static [&'static str])>,
    /// What it says.
    pub doc: &'static str,
}

/// The label that every metric has: the chain that is indexed.
const CHAIN: &str = "chain";

/// Buckets of [`COMMIT_SECONDS`]: from a block at the tip to a whole segment on a slow disk.
pub(crate) const COMMIT_BUCKETS: [f64; 10] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

const BLOCKS: Metric = metric("assay_blocks_total", Kind::Counter, "Blocks committed.");
const ROWS: Metric = metric("assay_rows_total", Kind::Counter, "Rows committed, of all tables.");
const BLOCK_BYTES: Metric = Metric {
    unit: Unit::Bytes,
    ..metric(
        "assay_block_bytes_total",
        Kind::Counter,
        "Bytes of raw block data that committed rows were made from.",
    )
};
/// Also named where its buckets are set.
pub(crate) const COMMIT_SECONDS: Metric = Metric {
    unit: Unit::Seconds,
    label: Some(("step", &[WRITE, PUBLISH])),
    ..metric(
        "assay_commit_seconds",
        Kind::Histogram,
        "Time to write a batch, and to make what was written visible.",
    )
};
const HEIGHT: Metric = metric("assay_height", Kind::Gauge, "Height of the last visible block.");
const SOURCE_HEIGHT: Metric =
    metric("assay_source_height", Kind::Gauge, "Height of the source's last block, as last seen.");
const LAG_BLOCKS: Metric = metric(
    "assay_lag_blocks",
    Kind::Gauge,
    "Blocks that the source was seen to have and the lake does not show.",
);
const LAG_SECONDS: Metric = Metric {
    unit: Unit::Seconds,
    ..metric(
        "assay_lag_seconds",
        Kind::Gauge,
        "Time since the last visible block was made, by its header.",
    )
};
const QUEUE_DEPTH: Metric = Metric {
    label: Some(("stage", &[FETCH, CUT, ENCODE])),
    ..metric(
        "assay_queue_depth",
        Kind::Gauge,
        "What a stage works on or holds ready: requests for blocks (fetch), blocks that wait for \
         their batch to be full (cut), batches (encode).",
    )
};
const REORGS: Metric = metric(
    "assay_reorgs_total",
    Kind::Counter,
    "Reorganisations that took visible blocks away from the lake.",
);
const REVERTED: Metric =
    metric("assay_reverted_blocks_total", Kind::Counter, "Blocks that they took away.");
const ERRORS: Metric = Metric {
    label: Some(("kind", &ERROR_KINDS)),
    ..metric("assay_errors_total", Kind::Counter, "Failures, whether or not they passed.")
};
const RETRIES: Metric = Metric {
    label: Some(("of", &[REQUEST, STEP, STORE])),
    ..metric(
        "assay_retries_total",
        Kind::Counter,
        "Repetitions after trouble: of requests to the node (request), of a whole look at it (step).",
    )
};
const COMPACTIONS: Metric =
    metric("assay_compactions_total", Kind::Counter, "Merges of small segments.");
const SEGMENTS: Metric = metric("assay_segments", Kind::Gauge, "Segments that the lake shows.");

/// Every metric, in the order in which it is listed to people.
pub const ALL: [Metric; 15] = [
    HEIGHT,
    SOURCE_HEIGHT,
    LAG_BLOCKS,
    LAG_SECONDS,
    BLOCKS,
    ROWS,
    BLOCK_BYTES,
    COMMIT_SECONDS,
    QUEUE_DEPTH,
    REORGS,
    REVERTED,
    ERRORS,
    RETRIES,
    SEGMENTS,
    COMPACTIONS,
];

/// Steps of a commit.
pub(crate) const WRITE: &str = "write";
pub(crate) const PUBLISH: &str = "publish";
/// Stages of the pipeline.
pub(crate) const FETCH: &str = "fetch";
pub(crate) const CUT: &str = "cut";
pub(crate) const ENCODE: &str = "encode";
/// What is repeated.
pub(crate) const REQUEST: &str = "request";
pub(crate) const STEP: &str = "step";
/// A request to the server that rows go to.
pub(crate) const STORE: &str = "store";
/// What fails: what a pipeline error is of, and merging segments.
pub(crate) const SOURCE: &str = "source";
pub(crate) const BLOCK: &str = "block";
pub(crate) const PREVOUTS: &str = "prevouts";
pub(crate) const SINK: &str = "sink";
pub(crate) const CHAIN_CHANGED: &str = "chain_changed";
pub(crate) const OTHER_CHAIN: &str = "other_chain";
pub(crate) const COMPACTION: &str = "compaction";
pub(crate) const STOPPED: &str = "stopped";
const ERROR_KINDS: [&str; 7] =
    [SOURCE, BLOCK, PREVOUTS, SINK, CHAIN_CHANGED, OTHER_CHAIN, COMPACTION];

const fn metric(name: &'static str, kind: Kind, doc: &'static str) -> Metric {
    Metric { name, kind, unit: Unit::Count, label: None, doc }
}

/// Records what happens to one chain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter {
    chain: &'static str,
}

impl Meter {
    /// For `chain`.
    pub const fn new(chain: Chain) -> Meter {
        Meter { chain: chain.name() }
    }

    /// For the chain of the blocks `B`.
    pub fn of<B: Raw>() -> Meter {
        Meter::new(B::CHAIN)
    }

    /// Describes all metrics, and begins what counts at zero: what is absent until it happens for
    /// the first time cannot be seen to happen.
    pub fn register(self) {
        for metric in ALL {
            let Metric { name, kind, unit, label, doc } = metric;
            match kind {
                Kind::Counter => describe_counter!(name, unit, doc),
                Kind::Gauge => describe_gauge!(name, unit, doc),
                Kind::Histogram => describe_histogram!(name, unit, doc),
            }
            match (kind, label) {
                (Kind::Counter, None) => self.count(metric, 0),
                (Kind::Counter, Some((_, values))) => {
                    values.iter().for_each(|value| self.count_of(metric, value, 0));
                }
                (Kind::Gauge, Some((_, values))) => {
                    values.iter().for_each(|value| self.gauge_of(metric, value).set(0.0));
                }
                // Nothing is known yet.
                _ => {}
            }
        }
    }

    /// A batch was written, which took `elapsed`.
    pub fn committed(self, batch: &Batch, elapsed: Duration) {
        let heights = batch.heights();
        self.count(BLOCKS, heights.end - heights.start);
        self.count(ROWS, batch.row_count());
        self.count(BLOCK_BYTES, batch.block_bytes);
        self.took(WRITE, elapsed);
    }

    /// What was written was made visible, which took `elapsed`.
    pub fn published(self, elapsed: Duration) {
        self.took(PUBLISH, elapsed);
    }

    /// The lake and its source were seen where `position` says.
    pub fn seen(self, position: &Position) {
        self.gauge(SOURCE_HEIGHT).set(position.tip as f64);
        self.gauge(LAG_BLOCKS).set(position.lag_blocks() as f64);
        if let Some(height) = position.height {
            self.gauge(HEIGHT).set(height as f64);
        }
    }

    /// The last visible block is `age` old.
    pub fn is_old(self, age: Duration) {
        self.gauge(LAG_SECONDS).set(age.as_secs_f64());
    }

    /// Something comes into the queue of `stage`; it leaves with the value.
    pub fn enter(self, stage: &'static str) -> Queued {
        let depth = self.gauge_of(QUEUE_DEPTH, stage);
        depth.increment(1.0);
        Queued(depth)
    }

    /// As many blocks as `count` wait for their batch to be full.
    pub fn waiting(self, count: usize) {
        self.gauge_of(QUEUE_DEPTH, CUT).set(count as f64);
    }

    /// A reorganisation took `blocks` away.
    pub fn reorganised(self, blocks: u64) {
        self.count(REORGS, 1);
        self.count(REVERTED, blocks);
    }

    /// Something failed.
    pub fn failed(self, kind: &'static str) {
        self.count_of(ERRORS, kind, 1);
    }

    /// Something is done again.
    pub fn retried(self, of: &'static str) {
        self.count_of(RETRIES, of, 1);
    }

    /// Segments were merged.
    pub fn compacted(self) {
        self.count(COMPACTIONS, 1);
    }

    /// The lake shows as many segments as `count`.
    pub fn segments(self, count: usize) {
        self.gauge(SEGMENTS).set(count as f64);
    }

    fn count(self, metric: Metric, more: u64) {
        counter!(metric.name, CHAIN => self.chain).increment(more);
    }

    fn count_of(self, metric: Metric, value: &'static str, more: u64) {
        counter!(metric.name, CHAIN => self.chain, label(metric) => value).increment(more);
    }

    fn gauge(self, metric: Metric) -> Gauge {
        gauge!(metric.name, CHAIN => self.chain)
    }

    fn gauge_of(self, metric: Metric, value: &'static str) -> Gauge {
        gauge!(metric.name, CHAIN => self.chain, label(metric) => value)
    }

    fn took(self, step: &'static str, elapsed: Duration) {
        let metric = COMMIT_SECONDS;
        histogram!(metric.name, CHAIN => self.chain, label(metric) => step)
            .record(elapsed.as_secs_f64());
    }
}

/// The name of the label that `metric` has besides the chain.
fn label(metric: Metric) -> &'static str {
    metric.label.map(|(name, _)| name).expect("asked only of those that have one")
}

/// Something in a queue.
#[derive(Debug)]
pub(crate) struct Queued(Gauge);

impl Drop for Queued {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
