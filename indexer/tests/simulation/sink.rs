//! The lake as the pipeline of the simulation uses it: each of its steps is done before anything else
//! happens, but for the merging of segments, which takes turns with all others.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use assay_fixtures::rng::Rng;
use assay_indexer::sink::lake::LakeSink;
use assay_indexer::sink::{Cuts, Sink, SinkError};
use assay_model::lake::{Finality, LakeInfo, RunInfo};
use assay_model::{Batch, BlockRef};
use async_trait::async_trait;
use tokio::runtime::Handle;

use super::disk::{Machine, Sabotage};
use super::reader::Reader;

/// A lake that is used by one process.
pub struct SimulatedSink {
    lake: Arc<LakeSink>,
    machine: Arc<Machine>,
    reader: Arc<Mutex<Reader>>,
    sabotage: Sabotage,
    rng: Mutex<Rng>,
    /// Where the lake does its work: apart from the pipeline's own.
    workers: Handle,
    merging: Arc<Mutex<Merging>>,
}

/// What came of a merging, and who waits for it.
#[derive(Default)]
struct Merging {
    result: Option<Result<(), SinkError>>,
    waker: Option<Waker>,
}

impl SimulatedSink {
    /// Wraps `lake`, whose disk is that of `machine`.
    pub fn new(
        lake: LakeSink,
        machine: Arc<Machine>,
        reader: Arc<Mutex<Reader>>,
        sabotage: Sabotage,
        seed: u64,
        workers: Handle,
    ) -> SimulatedSink {
        let (lake, rng) = (Arc::new(lake), Mutex::new(Rng::new(seed)));
        SimulatedSink { lake, machine, reader, sabotage, rng, workers, merging: Arc::default() }
    }

    /// Lets the merging of segments go on for a while, if there is one.
    pub fn take_turns(&self) {
        if !self.machine.turns.is_merging() {
            return;
        }
        let steps = {
            let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
            if rng.chance(500) { rng.below(4) } else { rng.below(60) }
        };
        self.give(steps);
    }

    /// Lets the merging come to its end, if there is one.
    pub fn end_merging(&self) {
        self.give(u64::MAX);
    }

    fn give(&self, steps: u64) {
        self.machine.turns.give(steps);
        if !self.machine.turns.is_merging()
            && let Some(waker) = self.merging().waker.take()
        {
            waker.wake();
        }
    }

    /// Merges segments now.
    pub fn compact_now(&self, most: usize) -> Result<(), SinkError> {
        if self.sabotage == Sabotage::SkipMerging {
            return Ok(());
        }
        self.done(self.lake.compact(most))
    }

    /// The result of `work`, which is done before anything else happens.
    fn done<T>(&self, work: impl Future<Output = T>) -> T {
        let _workers = self.workers.enter();
        futures::executor::block_on(tokio::task::unconstrained(work))
    }

    /// The same between turns of the merging. What it said to have done is durable.
    fn promised<T>(
        &self,
        work: impl Future<Output = Result<T, SinkError>>,
    ) -> Result<T, SinkError> {
        self.take_turns();
        let result = self.done(work);
        if result.is_ok() {
            self.reader.lock().unwrap_or_else(PoisonError::into_inner).promise();
        }
        result
    }

    fn merging(&self) -> MutexGuard<'_, Merging> {
        self.merging.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sink for SimulatedSink {
    type Encoded = <LakeSink as Sink>::Encoded;

    fn info(&self) -> &LakeInfo {
        self.lake.info()
    }

    fn cuts(&self) -> Cuts {
        self.lake.cuts()
    }

    async fn block_bytes(&self) -> Result<u64, SinkError> {
        self.promised(self.lake.block_bytes())
    }

    async fn watermark(&self) -> Result<Option<BlockRef>, SinkError> {
        self.promised(self.lake.watermark())
    }

    async fn blocks_up_to(&self, last: u64, count: u64) -> Result<Vec<BlockRef>, SinkError> {
        self.promised(self.lake.blocks_up_to(last, count))
    }

    fn encode(&self, batch: &Batch) -> Result<Self::Encoded, SinkError> {
        self.lake.encode(batch)
    }

    async fn commit(&self, encoded: Self::Encoded) -> Result<(), SinkError> {
        self.promised(self.lake.commit(encoded))
    }

    async fn flush(&self) -> Result<(), SinkError> {
        self.promised(self.lake.flush())
    }

    async fn revert(&self, to: BlockRef, by: &[BlockRef]) -> Result<(), SinkError> {
        self.promised(self.lake.revert(to, by))
    }

    async fn settle(&self, finality: Finality) -> Result<(), SinkError> {
        self.promised(self.lake.settle(finality))
    }

    async fn finality(&self) -> Result<Finality, SinkError> {
        self.promised(self.lake.finality())
    }

    async fn compact(&self, most: usize) -> Result<(), SinkError> {
        if self.sabotage == Sabotage::SkipMerging {
            return Ok(());
        }
        self.machine.turns.announce();
        let (lake, machine) = (Arc::clone(&self.lake), Arc::clone(&self.machine));
        let merging = Arc::clone(&self.merging);
        self.workers.spawn_blocking(move || {
            machine.turns.begin();
            let result = futures::executor::block_on(lake.compact(most));
            merging.lock().unwrap_or_else(PoisonError::into_inner).result = Some(result);
            // What the lake holds of the process ends before the turn does.
            drop(lake);
            machine.turns.end();
        });
        std::future::poll_fn(|context| {
            let mut merging = self.merging();
            match merging.result.take() {
                Some(result) => Poll::Ready(result),
                None => {
                    merging.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }

    async fn record_run(&self, run: &RunInfo) -> Result<(), SinkError> {
        self.promised(self.lake.record_run(run))
    }
}
