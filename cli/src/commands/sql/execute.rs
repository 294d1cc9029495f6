//! Runs one statement and writes its rows as they come.

use std::time::Duration;

use anyhow::Context;
use assay_query::{QueryError, Session, Statement};
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::human;
use crate::output::target::Target;
use crate::output::{self, Format};
use crate::progress::Verbosity;

/// Batches that are computed ahead of those being written.
const QUEUED_BATCHES_MAX: usize = 2;

/// How a result is written.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Format.
    pub format: Format,
    /// Rows that a table shows at most; 0 for all.
    pub max_rows: u64,
}

/// Runs `statement`, writes its rows to `target` and returns their number.
pub async fn execute(
    session: &Session,
    statement: Statement,
    shape: Shape,
    target: &mut Target,
) -> anyhow::Result<u64> {
    let mut stream = session.run(statement).await?;
    let mut writer = output::writer(shape.format, &stream.schema(), shape.max_rows, target)?;
    // A query that computes for long must not keep an interruption from being seen, so it runs on
    // a thread of its own. The task ends when what it sends to is dropped.
    let (sender, mut batches) = mpsc::channel(QUEUED_BATCHES_MAX);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Some(batch) = stream.next().await {
            if sender.send(batch.map_err(QueryError::from)).await.is_err() {
                break;
            }
        }
    });
    let mut rows = 0;
    while let Some(batch) = batches.recv().await {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        writer.write(&batch)?;
        if writer.is_full() {
            break;
        }
        // Rows that are always ready must not keep an interruption from being seen, either.
        tokio::task::yield_now().await;
    }
    drop(batches);
    // Without this, rows that a failed task did not send would be missing without a word.
    while let Some(ended) = tasks.join_next().await {
        ended.context("the query engine failed on this statement")?;
    }
    writer.finish()?;
    Ok(rows)
}

/// Says to whoever is watching how many rows there were and how long they took.
pub fn remark(verbosity: Verbosity, rows: u64, elapsed: Duration) {
    if verbosity.shows_progress() {
        eprintln!("({}, {})", human::counted(rows, "row"), human::duration(elapsed));
    }
}
