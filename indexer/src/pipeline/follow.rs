//! Stays at the tip of a chain that goes on.
//!
//! # Invariants
//!
//! * Trouble that may pass never ends it, however long it lasts, as long as it is the source's or
//!   that of a server that rows go to; a disk that keeps failing does.
//! * What is visible is always a chain that the source had, up to some block.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::task::{JoinError, JoinHandle};

use super::{Complete, MOST_PIECES, Pipeline, PipelineError, Summary, unless_stopped};
use crate::decode::Decode;
use crate::metrics::{self, Meter};
use crate::sink::{Sink, SinkError};
use crate::source::Live;

/// How often a disk may fail in a row.
const MOST_DISK_FAILURES: u32 = 10;

/// How long to wait after trouble: twice as long each time.
#[derive(Clone, Copy, Debug)]
pub struct Pause {
    /// The first time.
    pub first: Duration,
    /// At most.
    pub longest: Duration,
}

impl Default for Pause {
    fn default() -> Pause {
        Pause { first: Duration::from_millis(500), longest: Duration::from_secs(30) }
    }
}

impl Pause {
    /// How long to wait after the trouble number `count`, which begins at 1.
    fn after(self, count: u32) -> Duration {
        let factor = 1u32.checked_shl(count.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }
}

/// What became of following so far.
struct Course {
    meter: Meter,
    summary: Option<Summary>,
    /// Failures since the last time that all went well.
    failures: u32,
    /// Those of the disk among them.
    disk_failures: u32,
    compaction: Option<JoinHandle<Result<(), SinkError>>>,
}

impl<S, C, D, K> Pipeline<S, C, D, K>
where
    S: Live + 'static,
    C: Complete<S::Block> + 'static,
    D: Decode<Block = S::Block>,
    PipelineError: From<D::Error>,
    K: Sink + 'static,
{
    /// Keeps the sink at the tip of the source until it is to end; the commit under way is finished.
    ///
    /// # Errors
    ///
    /// What does not pass by itself; all blocks below it are committed.
    pub async fn follow(&self) -> Result<Summary, PipelineError> {
        let mut course = Course::new(Meter::of::<S::Block>());
        let result = self.follow_on(&mut course).await;
        if let Some(compaction) = course.compaction.take() {
            course.told(compaction.await);
        }
        result.map(|()| course.summary.unwrap_or_else(|| Summary::stopped(None)))
    }

    async fn follow_on(&self, course: &mut Course) -> Result<(), PipelineError> {
        loop {
            match self.step(&mut course.summary).await {
                Ok(()) => {
                    (course.failures, course.disk_failures) = (0, 0);
                    course.compact(&self.sink);
                }
                Err(PipelineError::Stopped) => return Ok(()),
                Err(error) if course.bears(&error) => {
                    let pause = self.options.pause.after(course.failures);
                    self.progress.trouble(&error, pause);
                    course.meter.retried(metrics::STEP);
                    tokio::select! {
                        biased;
                        () = self.stop.asked() => return Ok(()),
                        () = tokio::time::sleep(pause) => continue,
                    }
                }
                Err(error) => return Err(error),
            }
            if self.options.last.is_some_and(|last| course.is_at(last)) {
                return Ok(());
            }
            tokio::select! {
                biased;
                () = self.stop.asked() => return Ok(()),
                () = self.source.changed() => {}
            }
        }
    }

    async fn step(&self, summary: &mut Option<Summary>) -> Result<(), PipelineError> {
        let finality = unless_stopped(&self.stop, self.source.finality()).await?;
        self.run_noting(Some(finality), summary).await
    }
}

impl Course {
    fn new(meter: Meter) -> Course {
        Course { meter, summary: None, failures: 0, disk_failures: 0, compaction: None }
    }

    /// Counts a failure; whether it is to be tried again.
    fn bears(&mut self, error: &PipelineError) -> bool {
        self.meter.failed(error.kind());
        self.failures += 1;
        // A server that is away comes back, like a source.
        let is_disk = matches!(error, PipelineError::Sink(error) if !error.is_elsewhere());
        self.disk_failures += u32::from(is_disk);
        error.is_passing() && self.disk_failures <= MOST_DISK_FAILURES
    }

    /// Whether the block at height `last` is there.
    fn is_at(&self, last: u64) -> bool {
        self.summary.is_some_and(|summary| summary.to > last)
    }

    /// Sees to it that small segments are merged, beside everything else.
    fn compact<K: Sink + 'static>(&mut self, sink: &Arc<K>) {
        let finished = self.compaction.take_if(|compaction| compaction.is_finished());
        if let Some(result) = finished.and_then(FutureExt::now_or_never) {
            self.told(result);
        }
        if self.compaction.is_none() {
            let sink = Arc::clone(sink);
            self.compaction = Some(tokio::spawn(async move { sink.compact(MOST_PIECES).await }));
        }
    }

    /// A compaction that failed costs nothing but disk: it is told, and tried again.
    fn told(&self, result: Result<Result<(), SinkError>, JoinError>) {
        match result {
            Ok(Ok(())) => return,
            Ok(Err(error)) => tracing::warn!(%error, "cannot merge segments"),
            Err(error) => tracing::warn!(%error, "merging segments was cut short"),
        }
        self.meter.failed(metrics::COMPACTION);
    }
}
